mod collective;
mod layout;
mod least_squares;
mod measured;
mod step;
mod whole;

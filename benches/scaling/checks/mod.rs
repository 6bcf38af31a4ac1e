mod collective;
mod host;
mod layout;
mod least_squares;
mod measured;
mod step;
mod whole;

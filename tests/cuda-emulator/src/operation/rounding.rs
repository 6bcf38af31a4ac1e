//! Rounding of exact results: `.rn` (to nearest, ties to even), `.rz` (to zero), `.rm` (down), `.rp` (up).

/// A direction other than to nearest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Direction {
    Zero,
    Down,
    Up,
}

impl Direction {
    pub(super) fn of(modifier: &str) -> Option<Direction> {
        match modifier {
            "rz" => Some(Direction::Zero),
            "rm" => Some(Direction::Down),
            "rp" => Some(Direction::Up),
            _ => None,
        }
    }

    /// The `f32` next to the exact value `sum + rest` in this direction; `rest` is less than half a unit of `sum`.
    pub(super) fn round(self, sum: f64, rest: f64) -> f32 {
        let near = sum as f32;
        let distance = match f64::from(near) - sum {
            0.0 => -rest,
            distance => distance,
        };
        let exact_is_positive = sum > 0.0;
        match self {
            _ if distance == 0.0 || distance.is_nan() => near,
            Direction::Down if distance > 0.0 => near.next_down(),
            Direction::Up if distance < 0.0 => near.next_up(),
            Direction::Zero if distance > 0.0 && exact_is_positive => near.next_down(),
            Direction::Zero if distance < 0.0 && !exact_is_positive => near.next_up(),
            _ => near,
        }
    }
}

/// `a + b` as a sum and its rounding error (Knuth's TwoSum).
pub(super) fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let part = sum - a;
    (sum, (a - (sum - part)) + (b - part))
}

#[cfg(test)]
mod tests {
    use super::{Direction, two_sum};

    #[test]
    fn directions_enclose_the_exact_value() {
        let third = 1.0 / 3.0;
        let (down, up) = (
            Direction::Down.round(third, 0.0),
            Direction::Up.round(third, 0.0),
        );
        assert!(f64::from(down) < third && third < f64::from(up));
        assert_eq!(down.next_up(), up);
        assert_eq!(Direction::Zero.round(third, 0.0), down);
        assert_eq!(Direction::Zero.round(-third, 0.0), -down);
        assert_eq!(Direction::Down.round(-third, 0.0), -up);
        for direction in [Direction::Down, Direction::Up, Direction::Zero] {
            assert_eq!(direction.round(1.5, 0.0), 1.5);
        }
    }

    /// A sum that `f64` cannot hold: 1 + 2^-100.
    #[test]
    fn the_rest_of_a_sum_decides() {
        let (sum, rest) = two_sum(1.0, 2f64.powi(-100));
        assert_eq!((sum, rest), (1.0, 2f64.powi(-100)));
        assert_eq!(Direction::Down.round(sum, rest), 1.0);
        assert_eq!(Direction::Up.round(sum, rest), 1f32.next_up());
        let (sum, rest) = two_sum(1.0, -2f64.powi(-100));
        assert_eq!(Direction::Zero.round(sum, rest), 1f32.next_down());
    }
}

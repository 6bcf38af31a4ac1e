//! The fit.

use crate::model::least_squares::{Equation, solve, solve_second};

#[test]
fn coefficients_are_found_and_never_negative() {
    let line = |p: [f64; 2]| {
        let all = [1.0, 2.0, 5.0, 9.0].map(|x| Equation {
            x: [1.0, x],
            y: p[0] + p[1] * x,
            scale: 1.0 + x,
        });
        solve(&all)
    };
    for p in [[3.0, 0.5], [0.25, 4.0]] {
        let found = line(p);
        for (found, expected) in found.iter().zip(p) {
            assert!((found - expected).abs() < 1e-9, "{found} {expected}");
        }
    }
    let [first, second] = line([-1.0, 2.0]);
    assert!(first == 0.0 && second > 1.0 && second < 2.0);
    let [first, second] = line([20.0, -1.0]);
    assert!(second == 0.0 && first > 11.0 && first < 20.0);
}

#[test]
fn one_coefficient_beside_a_known_one() {
    let all = [1.0, 2.0, 5.0].map(|x| Equation {
        x: [3.0, x],
        y: 3.0 * 0.25 + 4.0 * x,
        scale: x,
    });
    assert!((solve_second(&all, 0.25) - 4.0).abs() < 1e-9);
    assert_eq!(solve_second(&all, 100.0), 0.0);
}

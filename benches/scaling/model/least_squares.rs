//! Two coefficients that are not negative, by least squares of relative errors.

/// `y` is about `p[0] x[0] + p[1] x[1]`; an error counts relative to `scale`.
pub struct Equation {
    pub x: [f64; 2],
    pub y: f64,
    pub scale: f64,
}

pub fn solve(equations: &[Equation]) -> [f64; 2] {
    let sum = |of: &dyn Fn(&Equation) -> f64| -> f64 {
        let all = equations.iter();
        all.map(|it| of(it) / (it.scale * it.scale)).sum()
    };
    let [aa, ab, bb] = [(0, 0), (0, 1), (1, 1)].map(|(i, j)| sum(&|it| it.x[i] * it.x[j]));
    let [ya, yb] = [0, 1].map(|i| sum(&|it| it.x[i] * it.y));
    let determinant = aa * bb - ab * ab;
    let both = [
        (ya * bb - yb * ab) / determinant,
        (yb * aa - ya * ab) / determinant,
    ];
    match both {
        [first, second] if first >= 0.0 && second >= 0.0 => both,
        [first, _] if first < 0.0 => [0.0, (yb / bb).max(0.0)],
        _ => [(ya / aa).max(0.0), 0.0],
    }
}

/// The second coefficient if the first is known.
pub fn solve_second(equations: &[Equation], first: f64) -> f64 {
    let all = equations.iter();
    let terms = all.map(|it| {
        let weight = it.x[1] / (it.scale * it.scale);
        [weight * (it.y - first * it.x[0]), weight * it.x[1]]
    });
    let [y, x] = terms.fold([0.0; 2], |sum, term| [sum[0] + term[0], sum[1] + term[1]]);
    (y / x).max(0.0)
}

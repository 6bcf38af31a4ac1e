//! The ten digits as strokes, each in several styles of handwriting.

use rand::{Rng, RngExt};

use super::{normal::normal, stroke::Point};

/// Control points of one pen stroke; a repeated point is a corner.
type Stroke = &'static [Point];

/// One style of a digit, about 1 high, with y downwards.
struct Style {
    /// Its relative frequency among the digit's styles.
    weight: f32,
    strokes: &'static [Stroke],
}

const fn style(weight: f32, strokes: &'static [Stroke]) -> Style {
    Style { weight, strokes }
}

/// Standard deviation of the jitter of control points, relative to the height of the digit.
const JITTER: f32 = 0.035;

#[rustfmt::skip]
static ZERO: &[Style] = &[
    style(3.0, &[&[[0.38, 0.0], [0.12, 0.12], [0.0, 0.5], [0.12, 0.88], [0.35, 1.0], [0.58, 0.88], [0.7, 0.5], [0.58, 0.12], [0.38, 0.0]]]),
    style(2.0, &[&[[0.45, 0.03], [0.15, 0.1], [0.0, 0.5], [0.15, 0.92], [0.45, 1.0], [0.8, 0.85], [0.9, 0.5], [0.75, 0.1], [0.4, 0.0], [0.25, 0.1]]]),
    style(1.5, &[&[[0.22, 0.0], [0.05, 0.15], [0.0, 0.5], [0.06, 0.88], [0.2, 1.0], [0.36, 0.88], [0.42, 0.5], [0.36, 0.12], [0.22, 0.0]]]),
    style(1.5, &[&[[0.65, 0.12], [0.45, 0.02], [0.2, 0.2], [0.0, 0.65], [0.08, 0.95], [0.3, 0.98], [0.6, 0.7], [0.75, 0.3], [0.62, 0.02], [0.42, 0.08]]]),
];
#[rustfmt::skip]
static ONE: &[Style] = &[
    style(8.0, &[&[[0.2, 0.0], [0.2, 0.5], [0.2, 1.0]]]),
    style(1.0, &[&[[0.0, 0.22], [0.13, 0.12], [0.25, 0.0], [0.25, 0.0], [0.25, 0.5], [0.25, 1.0]]]),
    style(0.5, &[&[[0.0, 0.2], [0.25, 0.0], [0.25, 0.0], [0.25, 0.5], [0.25, 1.0]], &[[0.0, 1.0], [0.25, 1.0], [0.55, 0.98]]]),
    style(0.5, &[&[[0.15, 0.12], [0.3, 0.0], [0.3, 0.0], [0.3, 0.5], [0.3, 1.0]], &[[0.0, 1.0], [0.3, 0.99], [0.65, 0.98]]]),
];
#[rustfmt::skip]
static TWO: &[Style] = &[
    style(2.0, &[&[[0.02, 0.22], [0.15, 0.05], [0.38, 0.0], [0.6, 0.12], [0.6, 0.35], [0.4, 0.65], [0.05, 0.98], [0.05, 0.98], [0.35, 0.98], [0.7, 0.97]]]),
    style(3.0, &[&[[0.05, 0.2], [0.2, 0.03], [0.45, 0.02], [0.6, 0.2], [0.5, 0.5], [0.3, 0.8], [0.12, 0.97], [0.01, 0.9], [0.1, 0.77], [0.3, 0.83], [0.5, 0.95], [0.78, 0.92]]]),
    style(1.5, &[&[[0.1, 0.12], [0.35, 0.0], [0.55, 0.15], [0.48, 0.45], [0.25, 0.75], [0.0, 0.93], [0.0, 0.93], [0.3, 0.86], [0.6, 0.95], [0.85, 0.9]]]),
    style(1.0, &[&[[0.0, 0.1], [0.3, 0.0], [0.5, 0.15], [0.4, 0.5], [0.2, 0.72], [0.02, 0.78], [0.05, 0.66], [0.3, 0.7], [0.6, 0.85], [0.9, 1.0]]]),
    style(2.0, &[&[[0.08, 0.14], [0.33, 0.0], [0.58, 0.15], [0.55, 0.5], [0.38, 0.85], [0.14, 1.0], [0.0, 0.86], [0.14, 0.67], [0.4, 0.74], [0.8, 0.96]]]),
];
#[rustfmt::skip]
static THREE: &[Style] = &[
    style(3.0, &[&[[0.05, 0.12], [0.28, 0.0], [0.55, 0.1], [0.53, 0.32], [0.25, 0.47], [0.25, 0.47], [0.52, 0.53], [0.64, 0.73], [0.5, 0.95], [0.25, 1.0], [0.0, 0.9]]]),
    style(1.0, &[&[[0.05, 0.03], [0.35, 0.02], [0.62, 0.0], [0.62, 0.0], [0.28, 0.4], [0.28, 0.4], [0.55, 0.48], [0.65, 0.7], [0.5, 0.93], [0.25, 1.0], [0.0, 0.92]]]),
    style(2.0, &[&[[0.02, 0.08], [0.3, 0.0], [0.52, 0.12], [0.4, 0.35], [0.22, 0.45], [0.42, 0.5], [0.56, 0.7], [0.4, 0.93], [0.15, 1.0], [-0.05, 0.95]]]),
];
#[rustfmt::skip]
static FOUR: &[Style] = &[
    style(2.0, &[&[[0.06, 0.02], [0.03, 0.25], [0.0, 0.5], [0.0, 0.5], [0.3, 0.52], [0.68, 0.48]], &[[0.62, 0.0], [0.58, 0.5], [0.54, 1.0]]]),
    style(2.0, &[&[[0.04, 0.04], [0.0, 0.3], [0.1, 0.52], [0.35, 0.5], [0.62, 0.36]], &[[0.66, 0.0], [0.62, 0.45], [0.56, 1.0]]]),
    style(1.0, &[&[[0.52, 0.0], [0.25, 0.35], [0.0, 0.64], [0.0, 0.64], [0.35, 0.63], [0.75, 0.62]], &[[0.52, 0.0], [0.52, 0.5], [0.5, 1.0]]]),
    style(0.7, &[&[[0.58, 0.02], [0.3, 0.18], [0.02, 0.5], [0.02, 0.5], [0.3, 0.54], [0.58, 0.48]], &[[0.58, 0.02], [0.54, 0.5], [0.5, 1.0]]]),
    style(1.0, &[&[[0.25, 0.0], [0.1, 0.2], [0.0, 0.48], [0.0, 0.48], [0.35, 0.46], [0.75, 0.4]], &[[0.6, 0.12], [0.48, 0.5], [0.35, 1.0]]]),
];
#[rustfmt::skip]
static FIVE: &[Style] = &[
    style(2.0, &[&[[0.12, 0.03], [0.09, 0.22], [0.06, 0.42], [0.06, 0.42], [0.3, 0.37], [0.55, 0.47], [0.6, 0.72], [0.42, 0.95], [0.2, 1.0], [0.0, 0.9]], &[[0.12, 0.03], [0.35, 0.02], [0.65, 0.0]]]),
    style(1.5, &[&[[0.75, 0.0], [0.5, 0.02], [0.28, 0.05], [0.28, 0.05], [0.18, 0.4], [0.18, 0.4], [0.4, 0.45], [0.52, 0.65], [0.4, 0.9], [0.15, 1.0], [0.0, 0.92]]]),
    style(1.5, &[&[[0.8, 0.02], [0.55, 0.0], [0.35, 0.08], [0.25, 0.3], [0.38, 0.48], [0.48, 0.68], [0.35, 0.92], [0.12, 1.0], [0.0, 0.88]]]),
    style(1.0, &[&[[0.3, 0.12], [0.22, 0.35], [0.22, 0.35], [0.45, 0.45], [0.5, 0.7], [0.3, 0.95], [0.05, 0.95], [0.0, 0.8]], &[[0.3, 0.1], [0.6, 0.08], [0.9, 0.0]]]),
    style(1.5, &[&[[0.1, 0.08], [0.06, 0.25], [0.04, 0.46], [0.04, 0.46], [0.32, 0.38], [0.58, 0.53], [0.58, 0.82], [0.35, 1.0], [0.1, 0.97], [0.0, 0.82]], &[[0.1, 0.08], [0.4, 0.06], [0.62, 0.0]]]),
];
#[rustfmt::skip]
static SIX: &[Style] = &[
    style(2.0, &[&[[0.5, 0.0], [0.2, 0.25], [0.03, 0.6], [0.08, 0.9], [0.3, 1.0], [0.55, 0.88], [0.55, 0.65], [0.35, 0.54], [0.1, 0.7]]]),
    style(2.0, &[&[[0.3, 0.0], [0.1, 0.4], [0.0, 0.75], [0.15, 0.98], [0.4, 0.95], [0.5, 0.75], [0.35, 0.62], [0.05, 0.78]]]),
    style(1.0, &[&[[0.6, 0.02], [0.3, 0.08], [0.08, 0.35], [0.02, 0.7], [0.2, 0.97], [0.48, 0.93], [0.58, 0.7], [0.42, 0.52], [0.18, 0.58], [0.06, 0.75]]]),
    style(1.0, &[&[[0.2, 0.0], [0.05, 0.4], [0.0, 0.8], [0.2, 1.0], [0.5, 0.92], [0.58, 0.75], [0.4, 0.68], [0.15, 0.85]]]),
    style(1.5, &[&[[0.3, 0.0], [0.08, 0.3], [0.0, 0.65], [0.14, 0.96], [0.45, 0.98], [0.68, 0.75], [0.6, 0.5], [0.4, 0.5], [0.25, 0.72], [0.3, 0.95]]]),
    style(0.8, &[&[[0.1, 0.0], [0.02, 0.35], [0.0, 0.75], [0.18, 1.0], [0.45, 0.95], [0.55, 0.7], [0.4, 0.5], [0.2, 0.62], [0.2, 0.9]]]),
];
#[rustfmt::skip]
static SEVEN: &[Style] = &[
    style(3.0, &[&[[0.0, 0.06], [0.3, 0.05], [0.6, 0.02], [0.6, 0.02], [0.45, 0.4], [0.28, 1.0]]]),
    style(2.0, &[&[[0.0, 0.16], [0.1, 0.06], [0.35, 0.06], [0.58, 0.05], [0.55, 0.25], [0.4, 0.6], [0.32, 1.0]]]),
    style(1.0, &[&[[0.02, 0.25], [0.03, 0.05], [0.03, 0.05], [0.3, 0.05], [0.6, 0.02], [0.6, 0.02], [0.5, 0.4], [0.4, 1.0]]]),
    style(1.0, &[&[[0.0, 0.06], [0.3, 0.05], [0.65, 0.02], [0.65, 0.02], [0.45, 0.4], [0.2, 1.0]], &[[0.15, 0.52], [0.4, 0.5], [0.66, 0.47]]]),
    style(1.0, &[&[[0.0, 0.25], [0.05, 0.05], [0.25, 0.1], [0.5, 0.06], [0.62, 0.0], [0.55, 0.25], [0.42, 0.6], [0.38, 1.0]]]),
    style(1.0, &[&[[0.0, 0.4], [0.05, 0.08], [0.05, 0.08], [0.3, 0.05], [0.56, 0.02], [0.56, 0.02], [0.5, 0.5], [0.42, 1.0]]]),
];
#[rustfmt::skip]
static EIGHT: &[Style] = &[
    style(3.0, &[&[[0.55, 0.12], [0.32, 0.0], [0.08, 0.12], [0.12, 0.33], [0.35, 0.5], [0.55, 0.7], [0.48, 0.93], [0.25, 1.0], [0.04, 0.9], [0.08, 0.7], [0.35, 0.48], [0.57, 0.28], [0.55, 0.12]]]),
    style(1.0, &[&[[0.3, 0.0], [0.1, 0.08], [0.06, 0.28], [0.28, 0.46], [0.5, 0.3], [0.5, 0.1], [0.3, 0.0]], &[[0.28, 0.46], [0.05, 0.6], [0.02, 0.85], [0.28, 1.0], [0.55, 0.85], [0.52, 0.6], [0.28, 0.46]]]),
    style(2.0, &[&[[0.62, 0.06], [0.4, 0.0], [0.2, 0.14], [0.25, 0.35], [0.36, 0.52], [0.42, 0.75], [0.28, 0.97], [0.08, 0.97], [0.04, 0.8], [0.2, 0.6], [0.45, 0.4], [0.66, 0.2], [0.62, 0.06]]]),
    style(1.5, &[&[[0.6, 0.14], [0.35, 0.02], [0.1, 0.15], [0.15, 0.36], [0.36, 0.52], [0.46, 0.75], [0.3, 0.98], [0.1, 0.94], [0.1, 0.75], [0.35, 0.48], [0.72, 0.0]]]),
    style(0.5, &[&[[0.6, 0.2], [0.5, 0.03], [0.25, 0.02], [0.08, 0.2], [0.3, 0.42], [0.5, 0.65], [0.42, 0.95], [0.2, 0.97], [0.15, 0.75], [0.35, 0.5], [0.65, 0.2]]]),
];
#[rustfmt::skip]
static NINE: &[Style] = &[
    style(3.0, &[&[[0.55, 0.1], [0.3, 0.0], [0.05, 0.15], [0.04, 0.38], [0.26, 0.48], [0.5, 0.33], [0.56, 0.1], [0.56, 0.1], [0.54, 0.5], [0.5, 1.0]]]),
    style(2.0, &[&[[0.52, 0.14], [0.3, 0.0], [0.05, 0.15], [0.05, 0.36], [0.25, 0.45], [0.48, 0.3], [0.54, 0.14], [0.5, 0.45], [0.4, 0.72], [0.25, 1.0]]]),
    style(1.0, &[&[[0.56, 0.12], [0.3, 0.0], [0.04, 0.15], [0.05, 0.38], [0.28, 0.48], [0.52, 0.3], [0.56, 0.12], [0.6, 0.5], [0.5, 0.88], [0.25, 1.0], [0.02, 0.93]]]),
    style(1.0, &[&[[0.5, 0.04], [0.25, 0.06], [0.02, 0.25], [0.08, 0.42], [0.3, 0.4], [0.52, 0.22], [0.58, 0.0], [0.5, 0.45], [0.42, 1.0]]]),
];
static DIGITS: [&[Style]; 10] = [ZERO, ONE, TWO, THREE, FOUR, FIVE, SIX, SEVEN, EIGHT, NINE];

/// The strokes of `digit` (0 to 9) in a random style, with jittered control points.
pub(super) fn draw<R: Rng>(digit: u8, rng: &mut R) -> Vec<Vec<Point>> {
    let styles = DIGITS[usize::from(digit) % DIGITS.len()];
    let mut at = rng.random::<f32>() * styles.iter().map(|style| style.weight).sum::<f32>();
    let chosen = styles.iter().find(|style| {
        at -= style.weight;
        at < 0.0
    });
    jittered(chosen.unwrap_or(&styles[0]), rng)
}

/// One random instance of the strokes of `style`.
///
/// Normal jitter is added to every control point; coinciding points stay together, so touching strokes still touch.
/// Then a taper makes the top wider or narrower than the bottom, and `y + a · sin(πy)` bends the heights, which moves
/// the waist of 2, 3, 5, 8 and 9.
fn jittered<R: Rng>(style: &Style, rng: &mut R) -> Vec<Vec<Point>> {
    let bend = 0.05 * normal(rng);
    let taper = 0.15 * normal(rng);
    let mut moved: Vec<(Point, Point)> = Vec::with_capacity(24);
    let mut place = |point: Point| {
        if let Some((_, to)) = moved.iter().find(|(from, _)| *from == point) {
            return *to;
        }
        let x = point[0] + JITTER * normal(rng);
        let y = point[1] + JITTER * normal(rng);
        let to = [
            0.35 + (x - 0.35) * (1.0 + taper * (y - 0.5)),
            y + bend * (std::f32::consts::PI * y).sin(),
        ];
        moved.push((point, to));
        to
    };
    let strokes = style.strokes.iter();
    strokes
        .map(|stroke| stroke.iter().map(|point| place(*point)).collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{SeedableRng, rngs::ChaCha8Rng};

    #[test]
    fn every_style_is_about_one_high() {
        for style in DIGITS.into_iter().flatten() {
            assert!(style.weight > 0.0);
            let ys = || {
                style
                    .strokes
                    .iter()
                    .copied()
                    .flatten()
                    .map(|point| point[1])
            };
            assert!(ys().fold(1.0, f32::min).abs() < 0.15);
            assert!((ys().fold(0.0, f32::max) - 1.0).abs() < 0.15);
        }
    }

    #[test]
    fn coinciding_points_stay_together_and_others_move() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for style in DIGITS.into_iter().flatten() {
            let before = style.strokes.concat();
            let after = jittered(style, &mut rng).concat();
            for (i, j) in (0..before.len()).flat_map(|i| (0..i).map(move |j| (i, j))) {
                assert_eq!(before[i] == before[j], after[i] == after[j]);
            }
            assert_ne!(before, after);
        }
    }

    #[test]
    fn two_draws_of_a_digit_differ() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        assert_ne!(draw(3, &mut rng), draw(3, &mut rng));
    }

    /// A style is recognised by the numbers of its control points.
    fn points<P>(strokes: impl IntoIterator<Item = impl AsRef<[P]>>) -> Vec<usize> {
        let strokes = strokes.into_iter();
        strokes.map(|stroke| stroke.as_ref().len()).collect()
    }

    #[test]
    fn every_digit_is_drawn_in_its_own_styles() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for digit in 0..10 {
            let styles = DIGITS[usize::from(digit)];
            for _ in 0..50 {
                let drawn = points(draw(digit, &mut rng));
                assert!(styles.iter().any(|style| points(style.strokes) == drawn));
            }
        }
    }

    /// Of the weights of the digit 1, 8 of 10 are of a single line and 1 of a line with a flag; the rest have a base.
    #[test]
    fn styles_are_as_frequent_as_their_weights() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let drawn: Vec<_> = (0..10_000).map(|_| points(draw(1, &mut rng))).collect();
        for (style, expected) in [(vec![3], 8000), (vec![6], 1000), (vec![5, 3], 1000)] {
            let count = drawn.iter().filter(|drawn| **drawn == style).count() as i32;
            // five standard deviations, of 40 at most
            assert!((count - expected).abs() < 200, "{style:?}: {count}");
        }
    }

    /// Means and standard deviations of jitter, taper and bend, in a style with a point at (0.7, 0.5), where the taper and
    /// the change of the jitter by it vanish, and one at (0.12, 0.88).
    #[test]
    fn control_points_vary_about_those_of_their_style() {
        const DRAWS: usize = 20_000;
        let style = &ZERO[0];
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let drawn: Vec<_> = (0..DRAWS).map(|_| jittered(style, &mut rng)).collect();
        let pi = std::f32::consts::PI;
        for at in [3, 6] {
            let [x, y] = style.strokes[0][at];
            let deviation = [
                JITTER.hypot(0.15 * (x - 0.35) * (y - 0.5)),
                JITTER.hypot(0.05 * (pi * y).sin()),
            ];
            for axis in [0, 1] {
                let values = || drawn.iter().map(|strokes| strokes[0][at][axis]);
                let mean = values().sum::<f32>() / DRAWS as f32;
                let square = values().map(|value| (value - mean).powi(2)).sum::<f32>();
                let found = (square / DRAWS as f32).sqrt();
                let expected = deviation[axis];
                assert!((mean - [x, y][axis]).abs() < 2e-3, "{at}, {axis}: {mean}");
                assert!(
                    (found / expected - 1.0).abs() < 0.03,
                    "{at}, {axis}: {found}"
                );
            }
        }
    }
}

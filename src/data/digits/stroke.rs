//! Rasterises strokes: Catmull–Rom splines, fitted to a box and drawn with a round pen.

/// The number of rows, and of columns, of an image.
pub(super) const SIDE: usize = 28;
/// The number of pixels of an image.
pub(super) const PIXELS: usize = SIDE * SIDE;
/// A point `[x, y]`, with y downwards.
pub(super) type Point = [f32; 2];

/// The longer side of the bounding box of the ink, in pixels, as in MNIST.
const BOX: f32 = 20.0;
/// The number of line segments that approximate one span of a spline.
const PIECES: usize = 4;

/// Line segments, each with its start and end.
#[derive(Default)]
pub(super) struct Path {
    segments: Vec<(Point, Point)>,
}

impl Path {
    /// Appends the Catmull–Rom spline through `points`. A repeated point is a corner.
    pub(super) fn curve(&mut self, points: &[Point]) {
        let last = points.len().saturating_sub(1);
        for i in 0..last {
            let (p1, p2) = (points[i], points[i + 1]);
            if p1 == p2 {
                continue;
            }
            let (p0, p3) = (points[i.saturating_sub(1)], points[(i + 2).min(last)]);
            let mut from = p1;
            for piece in 1..=PIECES {
                let t = piece as f32 / PIECES as f32;
                let to = [0, 1].map(|axis| catmull_rom(p0[axis], p1[axis], p2[axis], p3[axis], t));
                self.segments.push((from, to));
                from = to;
            }
        }
    }

    /// Scales and shifts the path so that the longer side of its ink, drawn by a pen `thickness` pixels wide, fills the
    /// central 20 × 20 pixels of the image.
    pub(super) fn fit(&mut self, thickness: f32) {
        let (mut low, mut high) = ([f32::MAX; 2], [f32::MIN; 2]);
        for point in self.segments.iter().flat_map(|(from, to)| [from, to]) {
            for axis in [0, 1] {
                low[axis] = low[axis].min(point[axis]);
                high[axis] = high[axis].max(point[axis]);
            }
        }
        let size = (high[0] - low[0]).max(high[1] - low[1]).max(1e-3);
        let scale = (BOX - thickness) / size;
        let middle = (SIDE as f32 - 1.0) / 2.0;
        let place = |p: Point| {
            [0, 1].map(|axis| middle + scale * (p[axis] - 0.5 * (low[axis] + high[axis])))
        };
        for (from, to) in &mut self.segments {
            (*from, *to) = (place(*from), place(*to));
        }
    }

    /// The image: a pixel whose centre is at distance `d` from the path has coverage
    /// `clamp((thickness / 2 − d) / softness + 1 / 2, 0, 1)`.
    pub(super) fn draw(&self, thickness: f32, softness: f32) -> [u8; PIXELS] {
        let reach = 0.5 * (thickness + softness);
        let mut nearest = [reach * reach; PIXELS];
        let pixels = |a: f32, b: f32| {
            let low = (a.min(b) - reach).ceil().max(0.0) as usize;
            let high = (a.max(b) + reach + 1.0).clamp(0.0, SIDE as f32) as usize;
            low..high
        };
        for &([ax, ay], [bx, by]) in &self.segments {
            let (dx, dy) = (bx - ax, by - ay);
            let inverse = 1.0 / (dx * dx + dy * dy).max(1e-9);
            let columns = pixels(ax, bx);
            for y in pixels(ay, by) {
                let py = y as f32 - ay;
                for x in columns.clone() {
                    let px = x as f32 - ax;
                    let t = ((px * dx + py * dy) * inverse).clamp(0.0, 1.0);
                    let (ex, ey) = (px - t * dx, py - t * dy);
                    let at = &mut nearest[y * SIDE + x];
                    *at = at.min(ex * ex + ey * ey);
                }
            }
        }
        nearest.map(|square| {
            if square >= reach * reach {
                return 0;
            }
            (255.0 * ((reach - square.sqrt()) / softness).min(1.0) + 0.5) as u8
        })
    }
}

/// The uniform Catmull–Rom spline between `p1` (`t = 0`) and `p2` (`t = 1`).
fn catmull_rom(p0: f32, p1: f32, p2: f32, p3: f32, t: f32) -> f32 {
    let linear = p2 - p0;
    let square = 2.0 * p0 - 5.0 * p1 + 4.0 * p2 - p3;
    let cube = 3.0 * (p1 - p2) + p3 - p0;
    p1 + 0.5 * t * (linear + t * (square + t * cube))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spline_passes_through_its_points() {
        for (t, value) in [(0.0, 2.0), (1.0, 5.0)] {
            assert!((catmull_rom(1.0, 2.0, 5.0, 3.0, t) - value).abs() < 1e-6);
        }
    }

    #[test]
    fn ink_fills_the_box() {
        let mut path = Path::default();
        path.curve(&[[0.0, 0.0], [0.3, 1.0]]);
        path.fit(3.0);
        let image = path.draw(3.0, 1.0);
        let rows: Vec<usize> = (0..SIDE)
            .filter(|y| image[y * SIDE..][..SIDE].iter().any(|&value| value > 127))
            .collect();
        assert_eq!((rows.first(), rows.last()), (Some(&4), Some(&23)));
    }

    #[test]
    fn repeated_point_is_a_corner() {
        let mut path = Path::default();
        path.curve(&[[0.0, 0.0], [1.0, 0.0], [1.0, 0.0], [1.0, 1.0]]);
        assert_eq!(path.segments.len(), 2 * PIECES);
        assert!(
            path.segments
                .iter()
                .all(|(_, to)| to[0] == 1.0 || to[1] == 0.0)
        );
    }

    /// At `t = 1/2`, the uniform spline is `(-p0 + 9 p1 + 9 p2 - p3) / 16`; at an end, the end point takes the place of its
    /// missing neighbour.
    #[test]
    fn every_span_is_a_catmull_rom_spline() {
        let mut path = Path::default();
        path.curve(&[[0.0, 0.0], [1.0, 2.0], [3.0, 3.0], [4.0, 0.0]]);
        assert_eq!(path.segments.len(), 3 * PIECES);
        let middles = [[6.0, 15.0], [32.0, 45.0], [58.0, 25.0]];
        for (span, middle) in path.segments.chunks_exact(PIECES).zip(middles) {
            assert_eq!(span[PIECES / 2 - 1].1, middle.map(|sum| sum / 16.0));
        }
    }

    #[test]
    fn the_longer_side_fills_the_box_and_the_middle_is_the_images() {
        for swapped in [false, true] {
            let order = |[x, y]: Point| if swapped { [y, x] } else { [x, y] };
            let mut path = Path {
                segments: vec![(order([3.0, -2.0]), order([7.0, -1.0]))],
            };
            path.fit(4.0);
            // 4 by 1, made 16 by 4
            let (from, to) = (order([5.5, 11.5]), order([21.5, 15.5]));
            assert_eq!(path.segments, [(from, to)]);
        }
    }

    #[test]
    fn a_pixel_is_covered_by_its_distance_to_the_path() {
        let segments = vec![
            ([5.3, 6.1], [19.7, 17.2]),
            ([0.8, 0.9], [1.0, 5.2]),
            ([2.1, 24.3], [21.4, 26.6]),
            ([22.4, 3.6], [22.4, 3.6]),
        ];
        for (thickness, softness) in [(4.0, 1.3), (1.6, 1.0)] {
            let path = Path {
                segments: segments.clone(),
            };
            for (at, value) in path.draw(thickness, softness).into_iter().enumerate() {
                let pixel = [at % SIDE, at / SIDE].map(|place| place as f64);
                let distances = segments.iter().map(|ends| distance(pixel, *ends));
                let nearest = distances.fold(f64::MAX, f64::min);
                let covered = (f64::from(thickness) / 2.0 - nearest) / f64::from(softness) + 0.5;
                let expected = 255.0 * covered.clamp(0.0, 1.0);
                assert!((f64::from(value) - expected).abs() <= 0.51, "{pixel:?}");
            }
        }
    }

    /// From the point to the nearest of 1,001 points of the segment.
    fn distance(point: [f64; 2], (from, to): (Point, Point)) -> f64 {
        let to_part = |part: f64| {
            let offset = [0, 1].map(|axis| {
                let (from, to) = (f64::from(from[axis]), f64::from(to[axis]));
                from + part * (to - from) - point[axis]
            });
            offset[0].hypot(offset[1])
        };
        (0..=1000)
            .map(|i| to_part(f64::from(i) / 1e3))
            .fold(f64::MAX, f64::min)
    }

    #[test]
    fn empty_path_is_blank() {
        let mut path = Path::default();
        path.curve(&[]);
        path.fit(3.0);
        assert_eq!(path.draw(3.0, 1.0), [0; PIXELS]);
    }
}

//! The parts of the gradient.

use crate::{model::layout::Layout, networks::PLANS};

/// By hand: `Linear<500, 10>` has 501 rows of 16; of `Linear<784, 500>`, a block has 785 rows of 16, and 5 of 32 blocks are a
/// piece. The first part has the small layer and the first piece.
#[test]
fn parts_are_those_of_the_engine() {
    let layout = Layout::of(&PLANS[0].1);
    let small = 501 * 16;
    let piece = 5 * 785 * 16;
    let lens: Vec<usize> = layout.pieces.iter().map(|piece| piece.len).collect();
    assert_eq!(lens[..2], [small, piece]);
    assert_eq!(layout.values(), small + 32 * 785 * 16);
    assert_eq!(layout.parts[..2], [small + piece, small + 2 * piece]);
    // the last piece, two blocks, is less than half of a part, and yet the end
    assert_eq!(layout.parts.len(), 7);
    assert_eq!(layout.parts.last(), Some(&layout.values()));
}

#[test]
fn shares_are_those_of_the_whole_step() {
    for (name, plan) in &PLANS {
        let layout = Layout::of(plan);
        let backward: f64 = layout.pieces.iter().map(|piece| piece.backward).sum();
        assert!((layout.forward + backward - 1.0).abs() < 1e-12, "{name}");
        assert!(
            (0.3..0.5).contains(&layout.forward),
            "{name} {}",
            layout.forward
        );
        let padding = layout.values() as f64 / plan.params() as f64;
        assert!((1.0..1.3).contains(&padding), "{name} {padding}");
    }
    assert_eq!(Layout::of(&PLANS[2].1).norms.len(), 7);
    // the convolutions to 64 channels have 289 and 577 rows of 64: each ends a part
    assert_eq!(
        PLANS.map(|(_, plan)| Layout::of(&plan).parts.len()),
        [7, 2, 3]
    );
}

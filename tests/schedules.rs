//! Learning-rate schedules: properties of all schedules, and the plots in the documentation.

use std::{env, fs, path::Path};

use plotters::{
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};
use proptest::prelude::*;
use tuplenet::{objective::Curve, prelude::*};

fn curves() -> impl Strategy<Value = Curve> {
    prop_oneof![
        Just(Curve::Constant),
        // A divisor below 1 is valid and starts or ends above the peak.
        (0.0..=1.0, 1.0..1e3, 1.0..1e6).prop_map(|(warm_up, start_divisor, end_divisor)| {
            let one_cycle = OneCycle {
                warm_up,
                start_divisor,
                end_divisor,
            };
            one_cycle.into()
        }),
        (0.0..=1.0).prop_map(|end| Cosine { end }.into()),
        // A hundred drops to a thousandth are 1e-300, which is still above 0.
        (0.01..=1.0, 1e-3..=1.0).prop_map(|(period, factor)| StepDecay { period, factor }.into()),
    ]
}

fn schedules() -> impl Strategy<Value = Schedule> {
    let shares = prop_oneof![Just(0.0), Just(1.0), 0.0..=1.0];
    let warm_up = (shares, 1e-6..=1.0).prop_map(|(fraction, start)| WarmUp { fraction, start });
    (curves(), proptest::option::of(warm_up)).prop_map(|(curve, warm_up)| match warm_up {
        Some(warm_up) => warm_up.then(curve),
        None => curve.into(),
    })
}

proptest! {
    #[test]
    fn every_learning_rate_is_above_zero_and_at_most_the_peak(
        schedule in schedules(),
        total_steps in prop_oneof![1..5u64, 1..2000u64],
        peak in 1e-6..1e3f64,
    ) {
        prop_assert!(schedule.check().is_ok());
        for step in (0..total_steps + 3).chain([u64::MAX]) {
            let rate = schedule.learning_rate(peak, step, total_steps);
            // After its last step a cosine has its final value, which may be 0.
            let ends_at_zero = schedule.curve == Cosine { end: 0.0 }.into();
            prop_assert!(rate > 0.0 || (ends_at_zero && rate == 0.0 && step >= total_steps));
            // `b + (peak - b)` is rounded twice.
            prop_assert!(rate <= peak * (1.0 + 2.0 * f64::EPSILON), "{rate}");
        }
    }
}

const SIZE: (u32, u32) = (480, 150);

/// The learning rate of each step of a training of 120, from 0 to the peak.
fn picture(name: &str, schedule: Schedule) -> String {
    const STEPS: u64 = 120;
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
    let chart = ChartBuilder::on(&area)
        .margin(10)
        .margin_left(50)
        .margin_bottom(24)
        .build_cartesian_2d(0.0..STEPS as f64, 0.0..1.0)
        .unwrap();
    let grey = RGBColor(128, 128, 128);
    let at = |x: f64, y: f64| chart.backend_coord(&(x, y));
    let (origin, end, top) = (at(0.0, 0.0), at(STEPS as f64, 0.0), at(0.0, 1.0));
    area.draw(&PathElement::new([top, origin, end], grey))
        .unwrap();
    let rate = |step| schedule.learning_rate(1.0, step, STEPS);
    let mut rates = vec![at(0.0, rate(0))];
    for step in 1..STEPS {
        // A drop after steps with a constant rate is vertical.
        if step > 1 && rate(step - 1) == rate(step - 2) && rate(step) != rate(step - 1) {
            rates.push(at(step as f64, rate(step - 1)));
        }
        rates.push(at(step as f64, rate(step)));
    }
    let blue = RGBColor(74, 144, 217);
    area.draw(&PathElement::new(rates, blue.stroke_width(2)))
        .unwrap();
    let label = |text: &str, (x, y): (i32, i32), horizontal, vertical| {
        let style = ("sans-serif", 13).into_font().color(&grey);
        let style = style.pos(Pos::new(horizontal, vertical));
        area.draw_text(text, &style, (x, y)).unwrap();
    };
    label("peak", (top.0 - 6, top.1), HPos::Right, VPos::Center);
    label("0", (origin.0 - 6, origin.1), HPos::Right, VPos::Center);
    label("step 0", (origin.0, origin.1 + 6), HPos::Left, VPos::Top);
    label("T", (end.0, end.1 + 6), HPos::Right, VPos::Top);
    label(
        name,
        ((origin.0 + end.0) / 2, origin.1 + 6),
        HPos::Center,
        VPos::Top,
    );
    area.present().unwrap();
    drop(chart);
    drop(area);
    svg
}

/// `SCHEDULES=draw` redraws them.
#[test]
fn the_plots_match_the_schedules() {
    let warm_up = WarmUp {
        fraction: 0.1,
        ..WarmUp::default()
    };
    let all: [(&str, &str, Schedule); 5] = [
        ("constant", "Constant", Schedule::CONSTANT),
        ("one_cycle", "OneCycle", OneCycle::default().into()),
        ("cosine", "Cosine", Cosine::default().into()),
        (
            "step_decay",
            "StepDecay { factor: 0.5 }",
            StepDecay {
                factor: 0.5,
                ..StepDecay::default()
            }
            .into(),
        ),
        (
            "warm_up",
            "WarmUp { fraction: 0.1 }, then Cosine",
            warm_up.then(Cosine::default()),
        ),
    ];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/schedules");
    for (file, name, schedule) in all {
        let (path, drawn) = (
            folder.join(file).with_extension("svg"),
            picture(name, schedule),
        );
        assert!(
            drawn.len() < 3000,
            "{file}: {} bytes in every page of it",
            drawn.len()
        );
        if env::var_os("SCHEDULES").is_some_and(|action| action == "draw") {
            fs::write(&path, &drawn).unwrap();
        }
        let there = fs::read_to_string(&path).unwrap();
        assert!(
            there == drawn,
            "{} is not what `Schedule` gives: run this test with SCHEDULES=draw, and look at it",
            path.display()
        );
    }
    assert_eq!(fs::read_dir(folder).unwrap().count(), all.len());
}

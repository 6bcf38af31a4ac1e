//! One page: speed-up against ranks, for each network and interconnect.

use plotters::{coord::Shift, prelude::*};

use crate::{
    Result,
    model::{
        Known, Model, RANKS, Way,
        collective::Algorithm,
        interconnect::{self, Interconnect},
    },
};

const SIZE: (u32, u32) = (1020, 1010);
const LEGEND_HEIGHT: u32 = 60;
const BATCH: usize = 1000;
const MIN: f64 = 0.5;
const MAX: f64 = 1200.0;

const INK: RGBColor = RGBColor(64, 64, 64);
const GREY: RGBColor = RGBColor(160, 160, 160);
const GRID: RGBColor = RGBColor(230, 230, 230);

const LINES: [(&str, Way, RGBColor); 5] = [
    ("ours, direct messages", Way::OURS, RGBColor(33, 102, 172)),
    ("ring", Way::by(Algorithm::Ring), RGBColor(230, 130, 20)),
    (
        "halving and doubling",
        Way::by(Algorithm::Halving),
        RGBColor(27, 140, 80),
    ),
    (
        "ours, 8 local steps",
        Way::OURS.local_steps(8),
        RGBColor(150, 110, 190),
    ),
    (
        "ours, 64 local steps",
        Way::OURS.local_steps(64),
        RGBColor(190, 40, 90),
    ),
];

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

pub fn draw(model: &Model) -> Result<String> {
    let mut svg = String::new();
    let page: Area<'_> = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
    page.fill(&WHITE)?;
    let (legend, charts) = page.split_vertically(LEGEND_HEIGHT);
    draw_legend(&legend)?;
    let areas = charts.split_evenly((model.networks.len(), interconnect::ALL.len()));
    let networks = model.networks.iter();
    let cases = networks.flat_map(|network| interconnect::ALL.map(|link| (network, link)));
    for ((network, link), area) in cases.zip(&areas) {
        draw_chart(model, network, &link, area)?;
    }
    page.present()?;
    drop((page, legend, charts, areas));
    Ok(svg)
}

fn draw_legend(area: &Area<'_>) -> Result<()> {
    let style = ("sans-serif", 14).into_font().color(&INK);
    let title = format!(
        "Predicted speed-up over one rank, batch {BATCH}; grey: as many times as fast as there are ranks"
    );
    area.draw(&Text::new(title, (20, 12), style.clone()))?;
    for (at, (name, _, color)) in LINES.iter().enumerate() {
        let x = 20 + 195 * at as i32;
        let line = vec![(x, 44), (x + 24, 44)];
        area.draw(&PathElement::new(line, color.stroke_width(2)))?;
        area.draw(&Text::new(*name, (x + 30, 37), style.clone()))?;
    }
    Ok(())
}

fn draw_chart(model: &Model, network: &Known, link: &Interconnect, area: &Area<'_>) -> Result<()> {
    let ranks = 1.0..RANKS[RANKS.len() - 1] as f64;
    let title = format!("{}, {}", network.name, link.name);
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 15).into_font().color(&INK))
        .margin(8)
        .margin_right(22)
        .x_label_area_size(34)
        .y_label_area_size(44)
        .build_cartesian_2d(
            ranks.log_scale().base(2.0),
            (MIN..MAX).log_scale().base(2.0),
        )?;
    chart
        .configure_mesh()
        .bold_line_style(GRID)
        .light_line_style(WHITE)
        .axis_style(GREY)
        .label_style(("sans-serif", 12).into_font().color(&INK))
        .x_labels(6)
        .y_labels(8)
        .x_label_formatter(&|ranks| format!("{ranks}"))
        .y_label_formatter(&|speed_up| format!("{speed_up}"))
        .x_desc("ranks")
        .y_desc("speed-up")
        .draw()?;
    let ideal = RANKS.map(|ranks| (ranks as f64, ranks as f64));
    chart.draw_series(LineSeries::new(ideal, GREY))?;
    for (_, way, color) in LINES.iter().rev() {
        // local steps need a sample for each rank
        let ranks = RANKS.iter().filter(|&&ranks| ranks <= BATCH);
        let points = ranks.map(|&ranks| {
            let speed_up = model.speed_up(network, BATCH, ranks, link, *way);
            (ranks as f64, speed_up)
        });
        let points = points.filter(|&(_, speed_up)| speed_up >= MIN);
        chart.draw_series(LineSeries::new(points, color.stroke_width(2)))?;
    }
    Ok(())
}

//! What is predicted for 1 to 1024 ranks.

use super::{table, words};
use crate::model::{
    Known, Model, RANKS, Way,
    collective::Algorithm,
    interconnect::{self, Interconnect},
};

const BATCHES: [usize; 3] = [100, 1000, 10_000];

/// The samples of each rank where the batch grows with the ranks.
const PER_RANK: usize = 100;

/// A row for each network and batch, a cell for each interconnect.
fn by_link(
    title: &str,
    model: &Model,
    batches: &[usize],
    cell: impl Fn(&Known, usize, &Interconnect) -> String,
) -> String {
    let mut header = words(["network", "batch"]);
    header.extend(interconnect::ALL.map(|link| link.name.to_owned()));
    let networks = model.networks.iter();
    let cases = networks.flat_map(|network| batches.iter().map(move |&batch| (network, batch)));
    let rows = cases.map(|(network, batch)| {
        let mut row = vec![network.name.to_owned(), batch.to_string()];
        row.extend(interconnect::ALL.map(|link| cell(network, batch, &link)));
        row
    });
    table(title, &header, rows)
}

pub fn strong(model: &Model) -> String {
    let title = "A fixed batch: the ranks with the greatest speed-up: the speed-up (the most ranks of which half or more is gained)";
    by_link(title, model, &BATCHES, |network, batch, link| {
        let (ranks, speed_up) = model.best(network, batch, link, Way::OURS);
        let efficient = RANKS.iter().rev().find(|&&ranks| {
            let speed_up = model.speed_up(network, batch, ranks, link, Way::OURS);
            ranks <= batch && speed_up >= ranks as f64 / 2.0
        });
        format!("{ranks}: {speed_up:.1} ({})", efficient.unwrap_or(&1))
    })
}

pub fn waiting(model: &Model) -> String {
    let title = "The share of a step that each of 16 ranks waits for sums: in parts, as ours / if all were one part";
    by_link(title, model, &BATCHES[..2], |network, batch, link| {
        let whole = [network.layout.values()];
        let shares = [&network.layout.parts[..], &whole].map(|parts| {
            let share = model.waiting((network, parts), batch, 16, link);
            format!("{:.0} %", 100.0 * share)
        });
        shares.join(" / ")
    })
}

pub fn against_others(model: &Model) -> String {
    let title = "The same by algorithm, ours / ring / halving; in brackets the ranks from which on halving saves a tenth of a step";
    by_link(title, model, &BATCHES, |network, batch, link| {
        let cells = Algorithm::ALL.map(|(_, algorithm)| {
            let (ranks, speed_up) = model.best(network, batch, link, Way::by(algorithm));
            format!("{ranks}: {speed_up:.1}")
        });
        let saves = |ranks| {
            let seconds = |way| model.seconds(network, batch, ranks, link, way);
            seconds(Way::by(Algorithm::Halving)) < 0.9 * seconds(Way::OURS)
        };
        let loses = RANKS.iter().rev().take_while(|&&ranks| saves(ranks));
        let loses = loses.last().map_or("never".to_owned(), ToString::to_string);
        format!("{} ({loses})", cells.join(" / "))
    })
}

pub fn variants(model: &Model) -> String {
    let title = "The same with ours / bf16 / 8 local steps / 64 local steps";
    by_link(title, model, &BATCHES[..2], |network, batch, link| {
        let ways = [
            Way::OURS,
            Way::OURS.bf16(),
            Way::OURS.local_steps(8),
            Way::OURS.local_steps(64),
        ];
        let cells = ways.map(|way| {
            let (ranks, speed_up) = model.best(network, batch, link, way);
            format!("{ranks}: {speed_up:.1}")
        });
        cells.join(" / ")
    })
}

pub fn weak(model: &Model) -> String {
    let title = "100 samples for each rank: the share of the ranks that is gained, of 8 / 64 / 1024, ours; the same with halving";
    by_link(title, model, &[PER_RANK], |network, batch, link| {
        let alone = network.compute.seconds(batch);
        let cells = [Algorithm::Direct, Algorithm::Halving].map(|algorithm| {
            let shares = [8, 64, 1024].map(|ranks| {
                let way = Way::by(algorithm);
                let seconds = model.seconds(network, batch * ranks, ranks, link, way);
                format!("{:.0}", 100.0 * alone / seconds)
            });
            format!("{} %", shares.join(" / "))
        });
        cells.join("; ")
    })
}

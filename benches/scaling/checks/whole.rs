//! All of the model on the measurements of this folder.

use std::path::Path;

use crate::{
    Result,
    measured::Measured,
    model::{Model, RANKS, Way, collective::Algorithm, interconnect},
    picture, tables,
};

pub fn of_this_folder() -> Result<(Measured, Model)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scaling/measured.tsv");
    let measured = Measured::read(&path)?;
    let model = Model::fitted(&measured)?;
    Ok((measured, model))
}

#[test]
fn no_speed_up_is_above_the_ranks() -> Result<()> {
    let (_, model) = of_this_folder()?;
    for network in &model.networks {
        for (name, algorithm) in Algorithm::ALL {
            for way in [Way::by(algorithm), Way::by(algorithm).bf16()] {
                for link in &interconnect::ALL {
                    let speed_up =
                        |ranks| model.speed_up(network, 10_000, ranks, link, way) / ranks as f64;
                    assert!((speed_up(1) - 1.0).abs() < 1e-9, "{name}");
                    let shares = RANKS.map(speed_up);
                    // a share of the ranks that falls with each doubling
                    assert!(shares.is_sorted_by(|a, b| a >= b), "{name} {shares:?}");
                }
            }
        }
    }
    Ok(())
}

#[test]
fn tables_and_picture_have_every_network() -> Result<()> {
    let (measured, model) = of_this_folder()?;
    let tables = tables::all(&measured, &model);
    let picture = picture::draw(&model)?;
    for network in &model.networks {
        assert_eq!(
            picture.matches(&format!("{}, ", network.name)).count(),
            interconnect::ALL.len()
        );
        // in each of the nine tables
        let row = format!("\n| {} |", network.name);
        assert!(tables.matches(&row).count() > 8, "{}", network.name);
    }
    assert!(!tables.contains("NaN") && !tables.contains("inf"));
    Ok(())
}

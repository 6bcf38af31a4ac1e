//! Range checks of settings; each error names its setting.

use crate::error::{Error, Result};

pub(super) fn positive(setting: &'static str, value: f64) -> Result<()> {
    if value.is_finite() && value > 0.0 {
        return Ok(());
    }
    out_of_range(setting, "a finite number above 0", value)
}

pub(crate) fn check_clip_norm(norm: Option<f64>) -> Result<()> {
    norm.map_or(Ok(()), |norm| positive("clip norm", norm))
}

pub(crate) fn not_negative(setting: &'static str, value: f64) -> Result<()> {
    if value.is_finite() && value >= 0.0 {
        return Ok(());
    }
    out_of_range(setting, "a finite number, 0 or above", value)
}

pub(crate) fn at_least_one(setting: &'static str, value: usize) -> Result<()> {
    if value > 0 {
        return Ok(());
    }
    Err(Error::Setting {
        setting,
        expected: "1 or more".to_owned(),
        found: "0".to_owned(),
    })
}

pub(super) fn below_one(setting: &'static str, value: f64) -> Result<()> {
    if (0.0..1.0).contains(&value) {
        return Ok(());
    }
    out_of_range(setting, "a number from 0 to below 1", value)
}

pub(super) fn fraction(setting: &'static str, value: f64) -> Result<()> {
    if (0.0..=1.0).contains(&value) {
        return Ok(());
    }
    out_of_range(setting, "a number from 0 to 1", value)
}

pub(super) fn fraction_above_zero(setting: &'static str, value: f64) -> Result<()> {
    if value > 0.0 && value <= 1.0 {
        return Ok(());
    }
    out_of_range(setting, "a number above 0 and at most 1", value)
}

pub(super) fn out_of_range(setting: &'static str, expected: &str, found: f64) -> Result<()> {
    Err(Error::Setting {
        setting,
        expected: expected.to_owned(),
        found: found.to_string(),
    })
}

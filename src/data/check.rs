//! What a data set requires of its values and labels.

use crate::{
    error::{Error, Result},
    shape::Shape,
    target::Target,
    token::is_token,
};

pub(super) fn check_widths<S: Shape, T: Target>() -> Result<()> {
    let (features, targets) = (S::LEN, T::Output::LEN);
    if features == 0 || targets == 0 {
        let expected = "1 or more features and 1 or more classes or targets per sample";
        return Err(mismatch(
            None,
            expected,
            format!("{features} features and {targets} classes or targets"),
        ));
    }
    Ok(())
}

pub(super) fn check_labels(classes: usize, labels: &[u8]) -> Result<()> {
    let mut labels = labels.iter().map(|&label| label.into()).enumerate();
    labels.try_for_each(|(at, label)| check_label(classes, label, at).map(drop))
}

/// The label of sample `at`, which must be below the number of classes.
pub(super) fn check_label(classes: usize, label: usize, at: usize) -> Result<u8> {
    // a label is stored as a byte
    let classes = classes.min(256);
    u8::try_from(label)
        .ok()
        .filter(|_| label < classes)
        .ok_or_else(|| mismatch(Some(at), format!("a label below {classes}"), label))
}

/// Checks that values of samples, `width` of each, are finite; the first sample is number `first`.
pub(super) fn check_finite(what: &str, first: usize, width: usize, values: &[f32]) -> Result<()> {
    match values.iter().position(|value| !value.is_finite()) {
        Some(at) => Err(mismatch(
            at.checked_div(width).map(|sample| first + sample),
            format!("finite {what}"),
            values[at],
        )),
        None => Ok(()),
    }
}

/// Checks the features of samples, the first of which is number `first`: finite values and tokens of their vocabularies.
pub(super) fn check_features<S: Shape>(first: usize, values: &[f32]) -> Result<()> {
    check_finite("features", first, S::LEN, values)?;
    check_tokens::<S>(first, values.iter().copied())
}

/// Checks that values of samples that are tokens are below the size of their vocabulary, or are the index of a token at all.
pub(crate) fn check_tokens<S: Shape>(
    first: usize,
    values: impl IntoIterator<Item = f32>,
) -> Result<()> {
    if !S::HAS_TOKENS {
        return Ok(());
    }
    for (at, value) in values.into_iter().enumerate() {
        if let Some(vocabulary) = S::vocabulary(at % S::LEN).filter(|&size| !is_token(value, size))
        {
            let expected = format!("a token, an integer below {vocabulary}");
            return Err(mismatch(Some(first + at / S::LEN), expected, value));
        }
    }
    Ok(())
}

pub(super) fn mismatch(
    sample: Option<usize>,
    expected: impl Into<String>,
    found: impl ToString,
) -> Error {
    Error::Data {
        sample,
        expected: expected.into(),
        found: found.to_string(),
    }
}

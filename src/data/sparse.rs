//! [`Dataset::from_csr`]: samples of which most features are 0, in compressed sparse rows.

use super::{Dataset, check::mismatch};
use crate::{
    error::Result,
    shape::{Features, Pair, Tokens},
    target::Target,
    token::Token,
};

impl<const L: usize, const V: usize, T: Target> Dataset<Pair<Tokens<L, V>, Features<L>>, T> {
    /// Samples of `V - 1` features, of which up to `L` are not 0, from a matrix in compressed sparse rows, such as word
    /// counts: row `i` has the values from `starts[i]` to `starts[i + 1]`, those of the features with the `indices` at the
    /// same places. The three are `indptr`, `indices` and `data` of SciPy's `csr_array`. They are never dense: a sample
    /// takes `8 L` bytes.
    ///
    /// Feature `f` is token `f + 1`, as token 0 is the padding. An [`EmbeddingBag`](crate::layers::EmbeddingBag) with
    /// [`Weighted`](crate::layers::Weighted) multiplies the samples by a matrix, in time proportional to the values that
    /// are not 0.
    ///
    /// ```
    /// use tuplenet::{layers::Weighted, prelude::*, shape::{Features, Pair, Tokens}, target::Classes};
    ///
    /// /// Up to 3 of 9 features.
    /// type Counts = Pair<Tokens<3, 10>, Features<3>>;
    /// type Net = (Counts, EmbeddingBag<10, 4, Weighted>, ReLU, Linear<4, 2>);
    ///
    /// // 0 0 5 0 0 0 0 0 0
    /// // 1 0 0 0 0 0 0 0 2
    /// let (starts, indices, values) = ([0, 1, 3], [2, 0, 8], [5.0, 1.0, 2.0]);
    /// let data = Dataset::<Counts, Classes<2>>::from_csr(&starts, &indices, &values, [0, 1])?;
    /// let mut net = Fused::<Net>::new(Weights::init(1))?;
    /// Trainer::new(Adam::default()).fit(&mut net, &data)?;
    /// # Ok::<(), tuplenet::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Data`](crate::Error::Data), with the row where there is one, when `starts` does not begin with 0,
    /// decreases or does not end with the number of values; when there are not as many indices as values or not as many
    /// targets as rows; for more than `L` values in a row, an index that is not below `V - 1`, and a value that is not
    /// finite; and as
    /// [`Dataset::from_records`].
    pub fn from_csr(
        starts: &[usize],
        indices: &[u32],
        values: &[f32],
        targets: impl IntoIterator<Item = T::Item>,
    ) -> Result<Self> {
        if indices.len() != values.len() {
            let expected = format!("{} indices, one for each value", values.len());
            return Err(mismatch(None, expected, indices.len()));
        }
        if starts.first() != Some(&0) || starts.last() != Some(&values.len()) {
            let expected = format!(
                "row starts from 0 to {}, the number of values",
                values.len()
            );
            return Err(mismatch(None, expected, format!("{starts:?}")));
        }
        let mut targets = targets.into_iter();
        let rows = starts.windows(2).enumerate().map(|(row, bounds)| {
            let sample = sample(row, [bounds[0], bounds[1]], indices, values)?;
            let target = targets.next();
            let target = target.ok_or_else(|| mismatch(Some(row), "a target for each row", "none"));
            Ok((sample, target?))
        });
        let data = Self::try_from_records(rows, |row| row)?;
        match targets.count() {
            0 => Ok(data),
            more => {
                let rows = data.len();
                Err(mismatch(
                    None,
                    format!("{rows} targets, one for each row"),
                    rows + more,
                ))
            }
        }
    }
}

/// The values of one row.
fn sample<const L: usize, const V: usize>(
    row: usize,
    [start, end]: [usize; 2],
    indices: &[u32],
    values: &[f32],
) -> Result<Pair<[Token<V>; L], [f32; L]>> {
    let refused = |expected: String, found: String| mismatch(Some(row), expected, found);
    if start > end || end > values.len() {
        let found = format!("{start} and {end}");
        return Err(refused("row starts that do not decrease".to_owned(), found));
    }
    if end - start > L {
        let found = (end - start).to_string();
        return Err(refused(format!("at most {L} values that are not 0"), found));
    }
    let (mut tokens, mut numbers) = ([Token::PADDING; L], [0.0; L]);
    for (at, place) in (start..end).enumerate() {
        let index = indices[place];
        let token = Token::new(index as usize + 1);
        let expected = || format!("a feature below {}", V.saturating_sub(1));
        tokens[at] = token.ok_or_else(|| refused(expected(), index.to_string()))?;
        numbers[at] = values[place];
    }
    Ok(Pair(tokens, numbers))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Classes;

    type Counts = Dataset<Pair<Tokens<2, 5>, Features<2>>, Classes<3>>;

    #[test]
    fn rows_become_samples() {
        let data =
            Counts::from_csr(&[0, 2, 2, 3], &[3, 0, 1], &[0.5, -1.0, 2.0], [2, 0, 1]).unwrap();
        let token = |index| Token::new(index).unwrap();
        let rows = [
            Pair([4, 1].map(token), [0.5, -1.0]),
            Pair([0, 0].map(token), [0.0, 0.0]),
            Pair([2, 0].map(token), [2.0, 0.0]),
        ];
        for (at, row) in rows.into_iter().enumerate() {
            assert_eq!(data.sample(at), Some(row));
        }
        assert_eq!((data.len(), data.label(0)), (3, Some(2)));
    }

    #[test]
    fn what_is_no_matrix_is_refused() {
        fn says(starts: &[usize], indices: &[u32], values: &[f32], labels: usize, words: &str) {
            let error = Counts::from_csr(starts, indices, values, vec![0; labels]).unwrap_err();
            assert_eq!(error.to_string(), format!("data set: expected {words}"));
        }
        says(
            &[0, 1],
            &[1, 2],
            &[1.0],
            1,
            "1 indices, one for each value, found 2",
        );
        says(
            &[],
            &[],
            &[],
            0,
            "row starts from 0 to 0, the number of values, found []",
        );
        says(
            &[1, 2],
            &[1, 2],
            &[1.0; 2],
            1,
            "row starts from 0 to 2, the number of values, found [1, 2]",
        );
        says(
            &[0, 1],
            &[1, 2],
            &[1.0; 2],
            1,
            "row starts from 0 to 2, the number of values, found [0, 1]",
        );
        says(
            &[0, 2, 1, 2],
            &[1, 2],
            &[1.0; 2],
            3,
            "row starts that do not decrease, found 2 and 1 (sample 1)",
        );
        says(
            &[0, 9, 2],
            &[1, 2],
            &[1.0; 2],
            2,
            "row starts that do not decrease, found 0 and 9 (sample 0)",
        );
        says(
            &[0, 0, 3],
            &[1, 2, 3],
            &[1.0; 3],
            2,
            "at most 2 values that are not 0, found 3 (sample 1)",
        );
        says(
            &[0, 1, 2],
            &[1, 4],
            &[1.0; 2],
            2,
            "a feature below 4, found 4 (sample 1)",
        );
        says(
            &[0, 1],
            &[1],
            &[f32::NAN],
            1,
            "finite features, found NaN (sample 0)",
        );
        says(
            &[0, 1, 2],
            &[1, 2],
            &[1.0; 2],
            1,
            "a target for each row, found none (sample 1)",
        );
        says(
            &[0, 1],
            &[1],
            &[1.0],
            3,
            "1 targets, one for each row, found 3",
        );
        says(&[0], &[], &[], 0, "one sample or more, found none");
    }
}

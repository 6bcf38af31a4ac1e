//! Vocabularies in files.

use std::{fs, path::Path};

use super::{Vocabulary, VocabularyError};
use crate::{
    atomic_file,
    error::{Error, Result},
};

impl<const V: usize> Vocabulary<V, String> {
    /// The vocabulary in a file that [`Vocabulary::save`] has written, or in another of its format.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be read, or is not UTF-8; [`Error::Vocabulary`], with the line, when it is not a
    /// vocabulary of up to `V` tokens.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let text = fs::read_to_string(path).map_err(|source| Error::Io {
            path: path.to_owned(),
            action: "read",
            source,
            remedy: "name a file that `Vocabulary::save` has written",
        })?;
        Vocabulary::parse(text).map_err(|VocabularyError { line, expected }| Error::Vocabulary {
            path: path.to_owned(),
            line,
            expected,
        })
    }

    /// Writes the text to a file, with all lines or not at all.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be written; an existing file then remains as it was.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let written = atomic_file::write(path, self.text.as_bytes());
        written
            .map(drop)
            .map_err(|source| Error::unwritable(path, "write the vocabulary", source))
    }
}

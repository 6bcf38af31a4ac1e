//! Finds MNIST's four files and loads them.

use std::{
    env,
    ffi::OsString,
    fs::{self, File},
    io::{self, Write},
    panic,
    path::{Path, PathBuf},
};

use super::{
    Dataset,
    idx::{Header, Idx},
    io_error::{bad, refused},
};
use crate::{
    error::{Error, Result},
    shape::{Features, Image, Numbers, Sample},
    target::Classes,
};

/// Images of the training set.
const TRAIN: u32 = 60_000;
/// Images of the test set.
const TEST: u32 = 10_000;
/// The number of classes, the digits.
const CLASSES: u8 = 10;
/// The number of rows, and of columns, of an image.
const SIDE: u32 = 28;
/// Magic number of a file of images: unsigned bytes in three dimensions.
const IMAGES: u32 = 0x803;
/// Magic number of a file of labels: unsigned bytes in one dimension.
const LABELS: u32 = 0x801;
/// The four file names, as the crate `mnist` expects them by default.
const NAMES: [&str; 4] = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
];
/// The remedy for a data set whose shape differs from MNIST.
const OTHER: &str = "check that the training and test files are not swapped; read a data set of other counts, \
    sizes or classes with `Dataset::from_idx`";
/// The environment variable with the path of the folder.
const VARIABLE: &str = "TUPLENET_MNIST";

/// The shape of an image of MNIST, or of a built-in [`Digits`](super::Digits): [`Features<784>`](Features) or
/// [`Image<1, 28, 28>`](Image). The network that the data are for usually determines which.
#[diagnostic::on_unimplemented(
    message = "MNIST and the built-in digits have no samples of shape `{Self}`",
    label = "not the shape of an image of MNIST",
    note = "a network for them takes `Features<784>` or `Image<1, 28, 28>`"
)]
pub trait MnistShape: Numbers<Array: Sample<Self>> {}

impl MnistShape for Features<784> {}
impl MnistShape for Image<1, 28, 28> {}

/// The four files of MNIST, found but not yet read.
///
/// Each is either a `.gz`, as published, or decompressed. Data sets with the same file names, 60,000 and 10,000 images
/// of 28 × 28 and ten classes load in the same way: Fashion-MNIST and KMNIST, each from its own folder by
/// [`Mnist::in_folder`]. For files of other counts, sizes or dtypes, use [`Dataset::from_idx`].
///
/// ```no_run
/// use tuplenet::{models::LeNet, prelude::*};
/// let (train, test) = Mnist::find()?.load()?; // images, as the network takes images
/// let mut net = Fused::<LeNet>::new(Weights::init(1))?;
/// Trainer::new(Adam::default()).fit(&mut net, &train)?;
/// println!("{}", net.evaluate(&test)?);
/// # Ok::<(), tuplenet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mnist {
    /// In the order of [`NAMES`].
    pub(super) files: [PathBuf; 4],
}

impl Mnist {
    /// The four files in this folder.
    ///
    /// Their names are as published, `train-images-idx3-ubyte`, or with a dot, `train-images.idx3-ubyte`, each with or
    /// without `.gz`. If several exist, a hyphen is preferred to a dot, then a decompressed file to a `.gz`.
    ///
    /// ```no_run
    /// use tuplenet::{data::Mnist, shape::Features};
    /// let (train, test) = Mnist::in_folder("data/fashion-mnist")?.load::<Features<784>>()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Io`] if the folder cannot be read; [`Error::DataFile`], with folder and name, if a file is missing.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Result<Self> {
        locate(
            &folder.into(),
            "name the folder that holds MNIST's four files",
        )
    }

    /// The four files in the folder given by the environment variable `TUPLENET_MNIST`, or, if that is unset or empty,
    /// in [`Mnist::cache_folder`].
    ///
    /// ```no_run
    /// use tuplenet::data::Mnist;
    /// let mnist = Mnist::find()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As for [`Mnist::in_folder`] if the variable is set; the cache folder is then not searched.
    /// Otherwise [`Error::DataNotFound`], or [`Error::Io`] if the cache folder is unreadable.
    pub fn find() -> Result<Self> {
        find_in(env::var_os(VARIABLE), Self::cache_folder())
    }

    /// The folder for downloads, in the user's cache folder; [`None`] for a user without a home folder. It need not
    /// exist.
    ///
    /// ```
    /// use tuplenet::data::Mnist;
    /// assert!(Mnist::cache_folder().is_none_or(|folder| folder.ends_with("mnist")));
    /// ```
    #[must_use]
    pub fn cache_folder() -> Option<PathBuf> {
        let user = directories::ProjectDirs::from("", "", "tuplenet")?;
        Some(user.cache_dir().join("mnist"))
    }

    /// Reads, checks and parses the four files: 60,000 training samples and 10,000 test samples, each of 784 values
    /// from 0 to 1, as vectors ([`Features<784>`](Features)) or as images ([`Image<1, 28, 28>`](Image)).
    ///
    /// The compiler infers which of the two where the data meet a network; elsewhere, name it:
    ///
    /// ```no_run
    /// use tuplenet::{data::Mnist, shape::Image};
    /// let (train, test) = Mnist::in_folder("data/mnist")?.load::<Image<1, 28, 28>>()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Meanwhile, the decompressed files, 55 MB, are also stored in the system's temporary folder.
    ///
    /// # Errors
    /// [`Error::Io`] if a file cannot be read or a temporary file cannot be written; [`Error::DataFile`] if a file is
    /// malformed or does not have MNIST's shape.
    pub fn load<S: MnistShape>(
        &self,
    ) -> Result<(Dataset<S, Classes<10>>, Dataset<S, Classes<10>>)> {
        // The crate `mnist` opens files by name and panics on invalid ones, so it gets a copy of the checked bytes:
        // concurrent changes to the originals have no effect.
        let remedy = "free space there, or set TMPDIR to another folder for temporary files";
        let make = refused(&env::temp_dir(), "make a temporary folder", remedy);
        let temporary = tempfile::tempdir().map_err(make)?;
        for (at, (path, name)) in self.files.iter().zip(NAMES).enumerate() {
            let count = if at < 2 { TRAIN } else { TEST };
            let checked = match at % 2 {
                0 => Idx::open(path, |header| check_images(path, header, count))?,
                _ => read_labels(path, count)?,
            };
            let copy = temporary.path().join(name);
            let write = |mut file: File| {
                file.write_all(&checked.header.bytes)?;
                file.write_all(&checked.values)
            };
            let written = File::create(&copy).and_then(write);
            written.map_err(refused(&copy, "write", remedy))?;
        }
        let mut parsed = parse(temporary.path())?;
        // The crate's buffers grew by doubling, so up to half of their capacity may be unused.
        for bytes in [&mut parsed.trn_img, &mut parsed.tst_img] {
            bytes.shrink_to_fit();
        }
        let train = Dataset::from_bytes(parsed.trn_img, 1.0 / 255.0, parsed.trn_lbl)?;
        let test = Dataset::from_bytes(parsed.tst_img, 1.0 / 255.0, parsed.tst_lbl)?;
        Ok((train, test))
    }
}

/// Runs the crate `mnist` on a folder of checked files.
fn parse(folder: &Path) -> Result<::mnist::Mnist> {
    let remedy = "set TMPDIR to another folder for temporary files";
    let refuse = |why| refused(folder, "read back from", remedy)(io::Error::other(why));
    let Some(base) = folder.to_str() else {
        return Err(refuse("its path is not UTF-8"));
    };
    // The files were checked, so this fails only if they are changed or removed concurrently.
    let parsed = panic::catch_unwind(|| ::mnist::MnistBuilder::new().base_path(base).finalize());
    parsed.map_err(|_| refuse("the files have changed since they were written"))
}

/// Checks that a file has `count` images of 28 × 28 bytes.
fn check_images(path: &Path, header: &Header, count: u32) -> Result<()> {
    let (rows, columns) = ((SIDE, "rows"), (SIDE, "columns"));
    check_shape(path, header, IMAGES, &[(count, "images"), rows, columns])
}

/// Reads a file of `count` labels, each a digit.
fn read_labels(path: &Path, count: u32) -> Result<Idx> {
    let check = |header: &Header| check_shape(path, header, LABELS, &[(count, "labels")]);
    let labels = Idx::open(path, check)?;
    if let Some(at) = labels.values.iter().position(|&label| label >= CLASSES) {
        let found = format!("label {}", labels.values[at]);
        let (offset, expected) = (
            labels.header.bytes.len() + at,
            format!("labels below {CLASSES}"),
        );
        return Err(bad(path, Some(offset as u64), expected, found, OTHER));
    }
    Ok(labels)
}

fn check_shape(path: &Path, header: &Header, magic: u32, dimensions: &[(u32, &str)]) -> Result<()> {
    if header.magic() != magic {
        let expected = format!("the magic number {}", describe_magic(magic));
        let remedy = "check that the file names are not swapped, or download the file again";
        let found = describe_magic(header.magic());
        return Err(bad(path, Some(0), expected, found, remedy));
    }
    let offsets = (4..).step_by(4);
    for ((&found, &(expected, what)), at) in header.dimensions.iter().zip(dimensions).zip(offsets) {
        if found != expected {
            let (expected, found) = (format!("{expected} {what}"), format!("{found} {what}"));
            return Err(bad(path, Some(at), expected, found, OTHER));
        }
    }
    Ok(())
}

fn describe_magic(magic: u32) -> String {
    match magic {
        IMAGES => format!("{magic:#010x} (a file of images)"),
        LABELS => format!("{magic:#010x} (a file of labels)"),
        _ => format!("{magic:#010x}"),
    }
}

fn find_in(variable: Option<OsString>, cache: Option<PathBuf>) -> Result<Mnist> {
    if let Some(folder) = variable.filter(|folder| !folder.is_empty()) {
        let remedy = "correct the environment variable TUPLENET_MNIST, or unset it";
        return locate(Path::new(&folder), remedy);
    }
    let Some(cache) = cache else {
        let looked_in = format!("any folder ({VARIABLE} is not set, and there is no cache folder)");
        return Err(Error::DataNotFound { looked_in });
    };
    match locate(&cache, "") {
        Err(Error::Io { source, .. }) if source.kind() != io::ErrorKind::NotFound => {
            let remedy = "make it readable, or set TUPLENET_MNIST";
            Err(refused(&cache, "read", remedy)(source))
        }
        Err(_) => {
            let looked_in = format!(
                "the cache folder {} ({VARIABLE} is not set)",
                cache.display()
            );
            Err(Error::DataNotFound { looked_in })
        }
        found => found,
    }
}

fn locate(folder: &Path, remedy: &'static str) -> Result<Mnist> {
    let look = "look for MNIST";
    let kind = fs::metadata(folder).map_err(refused(folder, look, remedy))?;
    if !kind.is_dir() {
        return Err(bad(folder, None, "a folder", "a file", remedy));
    }
    let [a, b, c, d] = NAMES.map(|name| {
        // "train-images-idx3-ubyte" and "train-images.idx3-ubyte".
        let dotted = name.replacen("-idx", ".idx", 1);
        let mut in_place = "no file of these names";
        for stem in [name, &dotted] {
            for ending in ["", ".gz"] {
                let path = folder.join(format!("{stem}{ending}"));
                match fs::metadata(&path) {
                    Ok(kind) if kind.is_file() => return Ok(path),
                    Ok(_) => in_place = "a folder of one of these names",
                    Err(source) if source.kind() == io::ErrorKind::NotFound => {}
                    Err(source) => return Err(refused(&path, look, remedy)(source)),
                }
            }
        }
        let expected = format!("a file {name} or {dotted}, with or without .gz");
        Err(bad(folder, None, expected, in_place, remedy))
    });
    let files = [a?, b?, c?, d?];
    Ok(Mnist { files })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use flate2::{Compression, write::GzEncoder};
    use tempfile::{TempDir, tempdir};

    use super::*;

    fn numbers(numbers: &[u32]) -> Vec<u8> {
        numbers.iter().flat_map(|it| it.to_be_bytes()).collect()
    }

    fn images(count: u32) -> Vec<u8> {
        let mut bytes = numbers(&[0x803, count, 28, 28]);
        bytes.extend((0..count * 784).map(|at| (at % 251) as u8));
        bytes
    }

    fn labels(count: u32) -> Vec<u8> {
        let mut bytes = numbers(&[0x801, count]);
        bytes.extend((0..count).map(|at| (at % 10) as u8));
        bytes
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(bytes).unwrap();
        packed.finish().unwrap()
    }

    #[test]
    fn files_of_another_shape_have_a_clear_error() {
        let folder = tempdir().unwrap();
        let path = folder.path().join("a file");
        let images_error = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            let opened = Idx::open(&path, |header| check_images(&path, header, 2));
            opened.unwrap_err().to_string()
        };
        let labels_error = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            read_labels(&path, 2).unwrap_err().to_string()
        };
        assert!(images_error(&labels(2)).contains("0x00000801 (a file of labels) (byte 0)"));
        assert!(labels_error(&images(2)).contains("0x00000803 (a file of images) (byte 0)"));
        assert!(images_error(&images(3)).contains("expected 2 images, found 3 images (byte 4)"));
        let narrow = numbers(&[0x803, 2, 28, 27]);
        let words = images_error(&narrow);
        assert!(
            words.contains("expected 28 columns, found 27 columns (byte 12)"),
            "{words}"
        );
        assert!(words.contains("with `Dataset::from_idx`"), "{words}");
        let above = [numbers(&[0x801, 2]), vec![9, 10]].concat();
        assert!(labels_error(&above).contains("labels below 10, found label 10 (byte 9)"));
        fs::write(&path, labels(2)).unwrap();
        assert_eq!(read_labels(&path, 2).unwrap().values, [0, 1]);
    }

    fn folder_of(files: [(&str, &[u8]); 4]) -> TempDir {
        let folder = tempdir().unwrap();
        for (name, bytes) in files {
            fs::write(folder.path().join(name), bytes).unwrap();
        }
        folder
    }

    fn named(names: [&str; 4]) -> TempDir {
        folder_of(names.map(|name| (name, &[0][..])))
    }

    #[test]
    fn a_valid_folder_loads_and_swapped_files_do_not() {
        let (train, test) = (gzip(&labels(TRAIN)), labels(TEST));
        let folder = folder_of([
            ("train-images.idx3-ubyte.gz", &gzip(&images(TRAIN))),
            ("train-labels-idx1-ubyte", &train), // gzip without `.gz`
            ("t10k-images-idx3-ubyte", &images(TEST)),
            ("t10k-labels.idx1-ubyte", &test),
        ]);
        // Kaggle's archive also has a folder with the name of each file.
        fs::create_dir(folder.path().join(NAMES[0])).unwrap();
        let mut mnist = Mnist::in_folder(folder.path()).unwrap();
        let (train, test) = mnist.load::<Features<784>>().unwrap();
        for set in [train, test] {
            // pixel 784 has the value 784 % 251
            assert_eq!(set.sample(1).unwrap()[0], 31.0 * (1.0 / 255.0));
            assert_eq!(set.label(1), Some(1));
        }
        mnist.files.swap(1, 3);
        let error = mnist.load::<Features<784>>().unwrap_err().to_string();
        let words = "t10k-labels.idx1-ubyte: expected 60000 labels, found 10000 labels";
        assert!(error.contains(words), "{error}");
    }

    #[test]
    fn the_error_names_a_missing_file() {
        let folder = named([NAMES[0], NAMES[1], NAMES[2], "other"]);
        let fails = |path: &Path, words: &str| {
            let error = Mnist::in_folder(path).unwrap_err().to_string();
            let named = error.starts_with(&path.display().to_string());
            assert!(named && error.contains(words), "{error}");
        };
        let expected = "expected a file t10k-labels-idx1-ubyte or t10k-labels.idx1-ubyte";
        fails(folder.path(), expected);
        fs::create_dir(folder.path().join(NAMES[3])).unwrap();
        fails(folder.path(), "found a folder of one of these names");
        let file = folder.path().join("other");
        fails(&file, "expected a folder, found a file");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_cache_folder_is_the_users_and_named_after_the_crate() {
        let folder = Mnist::cache_folder();
        assert!(folder.is_some_and(|folder| folder.ends_with("tuplenet/mnist")));
    }

    #[test]
    fn the_variable_takes_precedence_over_the_cache_and_must_be_valid() {
        let (first, second) = (named(NAMES), named(NAMES));
        let cache = || Some(second.path().to_owned());
        let variable = |folder: &Path| Some(folder.as_os_str().to_owned());
        let found = find_in(variable(first.path()), cache()).unwrap();
        assert_eq!(found, Mnist::in_folder(first.path()).unwrap());
        let found = find_in(Some(OsString::new()), cache()).unwrap();
        assert_eq!(found, Mnist::in_folder(second.path()).unwrap());
        let gone = first.path().join("gone");
        let error = find_in(variable(&gone), cache()).unwrap_err().to_string();
        assert!(error.contains("gone: cannot") && error.contains(VARIABLE));
        let error = find_in(None, Some(gone)).unwrap_err();
        assert!(matches!(&error, Error::DataNotFound { looked_in } if looked_in.contains("gone")));
        // below a file there can be no folder: another error than that there is none
        #[cfg(unix)]
        {
            let below = first.path().join(NAMES[0]).join("mnist");
            let error = find_in(None, Some(below)).unwrap_err();
            assert!(matches!(error, Error::Io { .. }), "{error}");
            let looped = tempdir().unwrap();
            let link = looped.path().join(NAMES[0]);
            std::os::unix::fs::symlink(&link, &link).unwrap();
            let error = Mnist::in_folder(looped.path()).unwrap_err();
            assert!(matches!(error, Error::Io { .. }), "{error}");
        }
        let error = find_in(None, None).unwrap_err();
        assert!(matches!(error, Error::DataNotFound { .. }));
    }

    #[test]
    fn an_unusable_temporary_folder_is_an_error() {
        let empty = tempdir().unwrap();
        assert!(matches!(parse(empty.path()), Err(Error::Io { .. })));
        #[cfg(unix)]
        {
            use std::os::unix::ffi::OsStringExt;
            let odd = PathBuf::from(OsString::from_vec(vec![b'/', 0xff]));
            assert!(parse(&odd).unwrap_err().to_string().contains("not UTF-8"));
        }
    }
}

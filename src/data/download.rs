//! Downloads MNIST's four files from its public mirrors.

use std::{
    fs,
    io::{self, Read, Write},
    path::Path,
    time::Duration,
};

use sha2::{Digest, Sha256};
use ureq::Agent;

use super::Mnist;
use crate::{
    atomic_file::Part,
    checksum::in_hex,
    error::{Error, Result},
};

/// The mirrors, in the order in which they are tried.
const MIRRORS: [&str; 2] = [
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
];

/// A file as published on the mirrors.
#[derive(Debug, Clone, Copy)]
struct Published<'a> {
    name: &'a str,
    bytes: u64,
    sha256: &'a str,
}

/// Training images and labels, then test images and labels.
#[rustfmt::skip]
const FILES: [Published<'static>; 4] = [
    Published { name: "train-images-idx3-ubyte.gz", bytes: 9_912_422,
        sha256: "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609" },
    Published { name: "train-labels-idx1-ubyte.gz", bytes: 28_881,
        sha256: "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c" },
    Published { name: "t10k-images-idx3-ubyte.gz", bytes: 1_648_877,
        sha256: "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6" },
    Published { name: "t10k-labels-idx1-ubyte.gz", bytes: 4_542,
        sha256: "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6" },
];

/// The progress of [`Mnist::download`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Download<'a> {
    /// The file's name.
    pub file: &'a str,
    /// The bytes received so far; restarts at 0 when another mirror is tried.
    pub received_bytes: u64,
    /// The size of the file, in bytes.
    pub total_bytes: u64,
}

impl Mnist {
    /// Downloads the four files, 11.6 MB, to this folder, which is created if missing.
    ///
    /// An existing file with the published SHA-256 is not downloaded again; an existing file of the same name with
    /// another checksum is replaced, so use a separate folder for other data sets. A file is renamed into place only
    /// when it is complete and its checksum matches, so a failure leaves no partial file. Files that were finished
    /// before a failure stay, and the next call downloads the rest. `progress` is called for each chunk received, and
    /// once for a file that exists already.
    ///
    /// ```no_run
    /// use tuplenet::data::Mnist;
    /// let folder = Mnist::cache_folder().ok_or("no home folder")?;
    /// let mnist = Mnist::download(&folder, |at| {
    ///     println!("{}: {} of {} bytes", at.file, at.received_bytes, at.total_bytes);
    /// })?;
    /// let (train, test) = mnist.load::<tuplenet::shape::Features<784>>()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Download`], with the error of each mirror, if none delivered a file with the right checksum;
    /// [`Error::Io`] if the folder cannot be written to.
    pub fn download(folder: &Path, progress: impl FnMut(Download<'_>)) -> Result<Self> {
        let settings = Agent::config_builder()
            // The files are compressed already, and their checksums are of the compressed bytes.
            .accept_encoding("identity")
            .timeout_connect(Some(Duration::from_secs(30)))
            .timeout_recv_response(Some(Duration::from_secs(60)))
            .timeout_per_read(Some(Duration::from_secs(60)));
        download_from(&settings.build().into(), &MIRRORS, FILES, folder, progress)
    }
}

fn download_from(
    agent: &Agent,
    mirrors: &[&str],
    files: [Published<'_>; 4],
    folder: &Path,
    mut progress: impl FnMut(Download<'_>),
) -> Result<Mnist> {
    fs::create_dir_all(folder)
        .map_err(|source| Error::unwritable(folder, "make the folder", source))?;
    'files: for file in files {
        let path = folder.join(file.name);
        let mut received = |received_bytes| {
            let (file, total_bytes) = (file.name, file.bytes);
            progress(Download {
                file,
                received_bytes,
                total_bytes,
            });
        };
        if is_there(&path, file) {
            received(file.bytes);
            continue;
        }
        let mut answers = Vec::new();
        for mirror in mirrors {
            let unwritable = |source| Error::unwritable(&path, "write", source);
            let mut part = Part::new(&path).map_err(unwritable)?;
            match fetch(agent, mirror, file, &mut received, |bytes| {
                part.write_all(bytes)
            }) {
                Ok(Ok(())) => {
                    // A file lost to a loss of power is downloaded again.
                    let _unsynced = part.persist().map_err(unwritable)?;
                    continue 'files;
                }
                Ok(Err(answer)) => answers.push(format!("{mirror} answered: {answer}")),
                Err(source) => return Err(unwritable(source)),
            }
        }
        let message = answers.join("; ");
        return Err(Error::Download { path, message });
    }
    let files = files.map(|file| folder.join(file.name));
    Ok(Mnist { files })
}

fn is_there(path: &Path, file: Published<'_>) -> bool {
    // The size is checked first, so that no file of another size is read.
    fs::metadata(path).is_ok_and(|kind| kind.is_file() && kind.len() == file.bytes)
        && fs::read(path).is_ok_and(|bytes| in_hex(&Sha256::digest(bytes)) == file.sha256)
}

/// Passes the file to `write` in chunks. The inner error is the message of why this mirror failed; the outer one is
/// that of `write`, for which trying another mirror is useless.
fn fetch(
    agent: &Agent,
    mirror: &str,
    file: Published<'_>,
    progress: &mut impl FnMut(u64),
    mut write: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<Result<(), String>> {
    let response = match agent.get(format!("{mirror}{}", file.name)).call() {
        Ok(response) => response,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let total = file.bytes;
    let mut body = response.into_body().into_reader();
    let mut sum = Sha256::new();
    let mut received = 0;
    let mut piece = vec![0; 1 << 16];
    loop {
        let bytes = match body.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => piece.get(..count).unwrap_or_default(),
            Err(why) => return Ok(Err(format!("{why}, after {received} of {total} bytes"))),
        };
        received += bytes.len() as u64;
        if received > total {
            return Ok(Err(format!("more than the file's {total} bytes")));
        }
        sum.update(bytes);
        write(bytes)?;
        progress(received);
    }
    if received < total {
        return Ok(Err(format!("the end, after {received} of {total} bytes")));
    }
    let (found, expected) = (in_hex(&sum.finalize()), file.sha256);
    if found != expected {
        return Ok(Err(format!("SHA-256 {found}, expected {expected}")));
    }
    Ok(Ok(()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    #[cfg(unix)]
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use super::*;
    use std::{io::BufRead, io::BufReader, net::TcpListener, thread};

    const BODY: &[u8] = b"four files of the same bytes";

    /// Starts a mirror that sends `answer` to every request, and returns its address.
    fn mirror(answer: Vec<u8>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/mnist/", listener.local_addr().unwrap());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let _ = lines.map_while(Result::ok).find(|it| it.is_empty());
                let _ = stream.write_all(&answer);
            }
        });
        address
    }

    fn answer(status: &str, length: usize, body: &[u8]) -> Vec<u8> {
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n");
        [head.as_bytes(), b"Connection: close\r\n\r\n", body].concat()
    }

    /// Downloads to a folder from mirrors with these answers, as [`Mnist::download`] does.
    fn run(folder: &Path, answers: Vec<Vec<u8>>) -> (Result<Mnist>, Vec<(String, u64)>) {
        let sha256 = in_hex(&Sha256::digest(BODY));
        let (bytes, sha256) = (BODY.len() as u64, sha256.as_str());
        let files = FILES.map(|Published { name, .. }| Published {
            name,
            bytes,
            sha256,
        });
        let mirrors: Vec<String> = answers.into_iter().map(mirror).collect();
        let mirrors: Vec<&str> = mirrors.iter().map(String::as_str).collect();
        let agent: Agent = Agent::config_builder().proxy(None).build().into();
        let mut seen = Vec::new();
        let result = download_from(&agent, &mirrors, files, folder, |at| {
            assert_eq!(at.total_bytes, BODY.len() as u64);
            seen.push((at.file.to_owned(), at.received_bytes));
        });
        (result, seen)
    }

    fn count(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    fn fails_with(answers: Vec<Vec<u8>>, words: &[&str]) {
        let folder = tempfile::tempdir().unwrap();
        let (result, _) = run(folder.path(), answers);
        let error = result.unwrap_err();
        assert!(matches!(error, Error::Download { .. }));
        let message = error.to_string();
        assert!(words.iter().all(|word| message.contains(word)), "{message}");
        assert_eq!(count(folder.path()), 0);
    }

    #[test]
    fn the_next_mirror_is_tried_after_a_failure_and_existing_files_are_kept() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("new/mnist");
        let good = answer("200 OK", BODY.len(), BODY);
        let (result, seen) = run(&folder, vec![answer("404 Not Found", 0, b""), good]);
        let mnist = result.unwrap();
        assert_eq!(mnist, Mnist::in_folder(&folder).unwrap());
        assert_eq!(
            seen.last(),
            Some(&(FILES[3].name.to_owned(), BODY.len() as u64))
        );
        assert_eq!(count(&folder), 4);
        assert_eq!(fs::read(&mnist.files[0]).unwrap(), BODY);
        let (again, seen) = run(&folder, vec![]);
        assert_eq!((again.unwrap(), seen.len()), (mnist.clone(), 4));
        fs::write(&mnist.files[3], b"four files of the same bytez").unwrap();
        #[cfg(unix)]
        fs::set_permissions(&mnist.files[3], PermissionsExt::from_mode(0o600)).unwrap();
        assert!(run(&folder, vec![]).0.is_err());
        let (again, _) = run(&folder, vec![answer("200 OK", BODY.len(), BODY)]);
        assert!(again.is_ok());
        assert_eq!(fs::read(&mnist.files[3]).unwrap(), BODY);
        #[cfg(unix)]
        assert_eq!(fs::metadata(&mnist.files[3]).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn failures_are_reported_and_leave_no_files() {
        let other = vec![b'x'; BODY.len()];
        let wrong = answer("200 OK", BODY.len(), &other);
        let found = in_hex(&Sha256::digest(&other));
        let answers = vec![wrong, answer("404 Not Found", 0, b"")];
        let sums = format!(
            "SHA-256 {found}, expected {}",
            in_hex(&Sha256::digest(BODY))
        );
        fails_with(answers, &["train-images", &sums, "http status: 404"]);
        let ok = |length, body| vec![answer("200 OK", length, body)];
        fails_with(ok(BODY.len(), &BODY[..9]), &["9 of 28 bytes"]);
        fails_with(ok(9, &BODY[..9]), &["the end, after 9 of 28 bytes"]);
        let long = [BODY, BODY].concat();
        fails_with(ok(long.len(), &long), &["more than the file's 28 bytes"]);
        fails_with(vec![b"not HTTP at all\r\n\r\n".to_vec()], &["answered: "]);
    }
}

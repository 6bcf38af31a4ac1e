//! Faults of one rank: the job ends at once, with one line that names the rank and the cause, and the exit code 1.

use std::{
    fs,
    io::Read,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::start::{command, failure};

/// What `mpirun` takes to notice and to end the others, on a machine that is busy.
const AT_MOST: Duration = Duration::from_secs(30);

#[test]
fn a_rank_that_differs_is_named() {
    for (differs, words) in [
        ("data", "expected `data`"),
        ("network", "network: expected Linear<784, 500>, ReLU"),
        (
            "settings",
            "expected `optimizer.Adam.learning_rate` 0.001, as on rank 0, found 0.5",
        ),
        ("simd", "as on rank 0, found Scalar"),
        ("version", "version"),
    ] {
        for count in [2, 3] {
            let begun = Instant::now();
            let options = format!("--network mlp --epochs 100 --differs {differs}");
            let errors = failure(count, &options);
            assert!(
                begun.elapsed() < AT_MOST,
                "{differs}: {:?}",
                begun.elapsed()
            );
            let [line] = errors.lines().collect::<Vec<_>>()[..] else {
                panic!("{differs}: more or less than a line: {errors}");
            };
            assert!(line.starts_with("error: rank 1: "), "{line}");
            assert!(line.contains(words), "{differs}: {line}");
        }
    }
}

#[test]
fn a_panic_of_one_rank_ends_all() {
    let begun = Instant::now();
    let errors = failure(3, "--network small --epochs 1000000 --differs panics");
    assert!(begun.elapsed() < AT_MOST);
    assert!(errors.contains("rank 1 panics"), "{errors}");
}

/// The process of a rank, as it has written.
fn process_of(folder: &Path, rank: usize) -> String {
    fs::read_to_string(folder.join(format!("{rank}.pid"))).unwrap()
}

#[test]
fn a_killed_rank_is_named_and_the_training_resumes_to_the_bit() {
    let [folder, checkpoints, saved] = [0; 3].map(|_| tempfile::tempdir().unwrap());
    let options = format!(
        "--network mlp --checkpoints {}",
        checkpoints.path().display()
    );
    let mut job = command(2, &format!("{options} --epochs 1000000"), folder.path());
    let mut job = job.stderr(Stdio::piped()).spawn().unwrap();
    let newest = || {
        let files = fs::read_dir(checkpoints.path())
            .unwrap()
            .map(|file| file.unwrap().path());
        let files = files.filter(|path| path.extension().is_some_and(|it| it == "safetensors"));
        files.max()
    };
    let begun = Instant::now();
    while newest().is_none() {
        assert!(begun.elapsed() < AT_MOST, "no checkpoint");
        thread::sleep(Duration::from_millis(10));
    }
    let kill = Command::new("kill")
        .args(["-9", &process_of(folder.path(), 1)])
        .status();
    assert!(kill.unwrap().success());
    let killed = Instant::now();
    let status = job.wait().unwrap();
    assert!(killed.elapsed() < AT_MOST, "{:?}", killed.elapsed());
    let mut errors = String::new();
    job.stderr.unwrap().read_to_string(&mut errors).unwrap();
    assert_eq!(status.code(), Some(1), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert!(errors.starts_with("error: rank 1 on "), "{errors}");
    assert!(errors.contains("was ended by signal 9"), "{errors}");

    // every checkpoint is whole: two more epochs end with the bits of a training without a fault
    let done = newest().unwrap();
    let steps: usize = done.file_stem().unwrap().to_str().unwrap()["checkpoint-".len()..]
        .parse()
        .unwrap();
    let epochs = steps.div_ceil(18) + 2;
    let resumed = command(
        2,
        &format!("{options} --resume --epochs {epochs}"),
        folder.path(),
    )
    .output();
    assert!(resumed.unwrap().status.success());
    let whole = format!(
        "--network mlp --checkpoints {} --epochs {epochs}",
        saved.path().display()
    );
    let other = tempfile::tempdir().unwrap();
    assert!(
        command(2, &whole, other.path())
            .output()
            .unwrap()
            .status
            .success()
    );
    let weights = |folder: &Path| {
        let report = fs::read_to_string(folder.join("0.json")).unwrap();
        let report: serde_json::Value = serde_json::from_str(&report).unwrap();
        report["weights"].clone()
    };
    assert_eq!(weights(folder.path()), weights(other.path()));
}

/// A checkpoint of `mlp`, with its moments and the best weights, has 6.4 MB.
#[test]
fn a_full_disk_of_rank_0_ends_the_job_and_keeps_the_checkpoints() {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let options = "--network mlp --epochs 1000000 --checkpoints DISK/c";
    let options = options.replace("DISK", &disk.display().to_string());
    let job = command(2, &options, folder.path());
    let words: Vec<_> = [job.get_program()]
        .into_iter()
        .chain(job.get_args())
        .collect();
    let words: Vec<_> = words
        .iter()
        .map(|word| format!("'{}'", word.display()))
        .collect();
    let mount = format!("mount -t tmpfs -o size=12000000 tmpfs '{}'", disk.display());
    // a namespace of its own for the disk, which is gone with it
    let in_namespace = |script: &str| {
        let mut unshare = Command::new("unshare");
        unshare.args(["--map-root-user", "--mount", "sh", "-c", script]);
        unshare.envs(
            job.get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        unshare.output()
    };
    if !in_namespace(&mount).is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED a full disk of rank 0: the system does not permit mounting one");
        return;
    }
    let script = format!(
        "{mount} && {}; echo code $?; ls '{}/c'",
        words.join(" "),
        disk.display()
    );
    let begun = Instant::now();
    let output = in_namespace(&script).unwrap();
    assert!(begun.elapsed() < AT_MOST);
    let [text, errors] = [output.stdout, output.stderr].map(|it| String::from_utf8(it).unwrap());
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert!(errors.starts_with("error: rank 0: "), "{errors}");
    assert!(errors.contains("make room there"), "{errors}");
    assert!(text.contains("code 1\n"), "{text}");
    assert_eq!(text.matches(".safetensors\n").count(), 1, "{text}");
}

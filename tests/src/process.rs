//! The built programs, and runs of them that cannot hang.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fmt;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::workspace;

/// How long a run may take before it is killed.
pub const TIMEOUT: Duration = Duration::from_secs(120);

/// The built program `name`, a package of the workspace. It is built once per process, with the
/// profile and into the target directory of the running test.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    static BUILT: Mutex<BTreeMap<String, PathBuf>> = Mutex::new(BTreeMap::new());
    // A build that failed panics with the lock held; the next one may try again.
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(path) = built.get(name) {
        return path.clone();
    }
    let test = env::current_exe().expect("the running test has a path");
    let place = Place::of(&test)
        .unwrap_or_else(|| panic!("{} does not lie in a target directory", test.display()));
    // Whoever runs the tests says which cargo, else the one in the path.
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--quiet", "--package", name, "--bin", name])
        .args(place.arguments())
        .current_dir(workspace())
        .status()
        .expect("cargo can be started");
    assert!(status.success(), "cargo cannot build {name}: {status}");
    let path = place
        .programs
        .join(format!("{name}{}", env::consts::EXE_SUFFIX));
    assert!(path.is_file(), "cargo did not make {}", path.display());
    built.insert(name.to_owned(), path.clone());
    path
}

/// Where cargo put the running test.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    target: PathBuf,
    triple: Option<OsString>,
    profile: OsString,
    programs: PathBuf,
}

impl Place {
    /// From `TARGET[/TRIPLE]/PROFILE/deps/TEST`; cargo marks TARGET by CACHEDIR.TAG.
    fn of(test: &Path) -> Option<Self> {
        let deps = test.parent()?;
        let programs = if deps.file_name()? == "deps" {
            deps.parent()?
        } else {
            deps
        };
        let profile = match programs.file_name()?.to_str()? {
            "debug" => "dev",
            other => other,
        };
        let above = programs.parent()?;
        let (target, triple) = if above.join("CACHEDIR.TAG").exists() {
            (above, None)
        } else {
            let target = above.parent()?;
            if !target.join("CACHEDIR.TAG").exists() {
                return None;
            }
            (target, Some(above.file_name()?.to_owned()))
        };
        Some(Self {
            target: target.to_owned(),
            triple,
            profile: profile.into(),
            programs: programs.to_owned(),
        })
    }

    fn arguments(&self) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = vec![
            "--target-dir".into(),
            self.target.clone().into(),
            "--profile".into(),
            self.profile.clone(),
        ];
        if let Some(triple) = &self.triple {
            arguments.extend(["--target".into(), triple.clone()]);
        }
        arguments
    }
}

/// A command that runs the built program `name` in an environment that does not depend on the
/// caller's.
#[must_use]
pub fn command(name: &str) -> Command {
    let mut command = Command::new(program(name));
    for variable in [
        "DIRSYNC_NOW",
        "NO_COLOR",
        "CLICOLOR",
        "CLICOLOR_FORCE",
        "COLUMNS",
        "TZ",
    ] {
        command.env_remove(variable);
    }
    command
}

/// What a run left behind.
#[derive(Debug, Clone)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// stdout; bytes that are no UTF-8 are replaced.
    pub stdout: String,
    /// stderr, likewise.
    pub stderr: String,
}

impl Output {
    /// The exit code; `None` when a signal ended it.
    #[must_use]
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// stdout as one JSON document.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("stdout is no JSON document: {error}\n{self}"))
    }

    /// stdout as one JSON value a line.
    #[must_use]
    pub fn json_lines(&self) -> Vec<serde_json::Value> {
        let value = |line: &str| {
            serde_json::from_str(line)
                .unwrap_or_else(|error| panic!("{line:?} is no JSON: {error}\n{self}"))
        };
        self.stdout.lines().map(value).collect()
    }

    /// Fails the test unless the exit code is `code`; for chains.
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code(), Some(code), "{self}");
        self
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}\n--- stdout\n{}--- stderr\n{}---",
            self.status, self.stdout, self.stderr
        )
    }
}

/// A run that took too long and was killed, with everything it had started.
#[derive(Debug)]
pub struct TimedOut {
    /// What it had written until then.
    pub output: Output,
}

/// Runs a command with an empty stdin.
///
/// Fails the test when it takes longer than [`TIMEOUT`].
pub fn run(command: &mut Command) -> Output {
    run_with_input(command, b"")
}

/// Runs a command that gets `input` on stdin.
///
/// Fails the test when it takes longer than [`TIMEOUT`].
pub fn run_with_input(command: &mut Command, input: &[u8]) -> Output {
    try_run(command, input, TIMEOUT)
        .unwrap_or_else(|late| panic!("{command:?} was killed after {TIMEOUT:?}\n{}", late.output))
}

/// Runs a command that gets `input` on stdin and may take as long as `timeout`.
///
/// # Errors
/// It took longer and was killed.
pub fn try_run(
    command: &mut Command,
    input: &[u8],
    timeout: Duration,
) -> Result<Output, Box<TimedOut>> {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    own_group(command);
    let mut child = command
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    if let Some(mut stdin) = child.stdin.take() {
        let input = input.to_vec();
        // A program that does not read its input to the end is no fault of the test.
        thread::spawn(move || stdin.write_all(&input));
    }
    let stdout = Collected::of(child.stdout.take());
    let stderr = Collected::of(child.stderr.take());
    let deadline = Instant::now() + timeout;
    let mut late = false;
    // Over when the program has ended and its pipes are closed: a child that it left behind would
    // hold them open. One that has even left the group is given up after a moment.
    loop {
        let ended = child.try_wait().expect("a child can be waited for");
        if ended.is_some() && stdout.complete() && stderr.complete() {
            break;
        }
        if !late && Instant::now() >= deadline {
            late = true;
            kill(&mut child);
        }
        if ended.is_some() && Instant::now() >= deadline + GRACE {
            break;
        }
        thread::sleep(Duration::from_millis(2));
    }
    let status = child.wait().expect("a child can be waited for");
    let (stdout, stderr) = (stdout.text(), stderr.text());
    let output = Output {
        status,
        stdout,
        stderr,
    };
    if late {
        Err(Box::new(TimedOut { output }))
    } else {
        Ok(output)
    }
}

/// How long the pipes of a killed run are waited for.
const GRACE: Duration = Duration::from_secs(5);

/// A pipe that is read by a thread of its own.
struct Collected {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: thread::JoinHandle<()>,
}

impl Collected {
    fn of(pipe: Option<impl Read + Send + 'static>) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&bytes);
        let reader = thread::spawn(move || {
            let Some(mut pipe) = pipe else { return };
            let mut buffer = [0; 64 * 1024];
            while let Ok(len @ 1..) = pipe.read(&mut buffer) {
                let mut bytes = shared.lock().unwrap_or_else(PoisonError::into_inner);
                bytes.extend_from_slice(buffer.get(..len).unwrap_or_default());
            }
        });
        Self { bytes, reader }
    }

    fn complete(&self) -> bool {
        self.reader.is_finished()
    }

    /// What has come so far.
    fn text(&self) -> String {
        let bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// The command gets a process group of its own, so that its children can be killed with it.
#[cfg(unix)]
fn own_group(command: &mut Command) {
    use std::os::unix::process::CommandExt as _;
    command.process_group(0);
}

#[cfg(unix)]
fn kill(child: &mut Child) {
    use rustix::process::{Pid, Signal, kill_process_group};
    let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
}

#[cfg(not(unix))]
fn own_group(_command: &mut Command) {}

#[cfg(not(unix))]
fn kill(child: &mut Child) {
    let _ = child.kill();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TestTree;

    #[test]
    fn programs_are_built_where_the_test_lies() {
        let first = program("po-admin");
        assert!(first.is_absolute() && first.is_file());
        assert_eq!(program("po-admin"), first);
        let test = env::current_exe().unwrap();
        assert_eq!(test.parent().unwrap().parent(), first.parent());
    }

    #[test]
    fn the_place_of_a_test_says_profile_target_and_triple() {
        let tree = TestTree::new();
        tree.write("CACHEDIR.TAG", b"");
        let root = tree.path();
        let place = |below: &str| Place::of(&root.join(below)).unwrap();
        assert_eq!(place("debug/deps/x").profile, "dev");
        assert_eq!(place("debug/deps/x").triple, None);
        assert_eq!(place("release/x").profile, "release");
        let cross = place("aarch64-unknown-linux-gnu/release/deps/x");
        assert_eq!(
            cross.triple.as_deref().unwrap(),
            "aarch64-unknown-linux-gnu"
        );
        assert_eq!(cross.target, root);
        assert_eq!(Place::of(Path::new("/usr/bin/x")), None);
    }

    #[cfg(unix)]
    fn sh(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    #[cfg(unix)]
    #[test]
    fn a_run_has_code_and_both_streams() {
        let output = run_with_input(&mut sh("cat; echo no >&2; exit 3"), b"[1]").expect_code(3);
        assert_eq!(
            (output.stdout.as_str(), output.stderr.as_str()),
            ("[1]", "no\n")
        );
        assert_eq!(output.json()[0], 1);
        // More than a pipe holds, on all three at once.
        let much = vec![b'x'; 1 << 20];
        let output = run_with_input(&mut sh("cat; cat /bin/sh >&2"), &much);
        assert_eq!(output.stdout.len(), much.len());
    }

    #[cfg(unix)]
    #[test]
    fn a_run_that_hangs_is_killed_with_its_children() {
        let start = Instant::now();
        for script in ["echo began; sleep 600 & wait", "echo began; sleep 600 &"] {
            let late = try_run(&mut sh(script), b"", Duration::from_millis(200)).unwrap_err();
            assert_eq!(late.output.stdout, "began\n", "{script}");
        }
        assert!(start.elapsed() < Duration::from_secs(60));
    }
}

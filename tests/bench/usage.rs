//! What the operating system says that a process has used.

use std::fs;

/// CPU time of all its threads, user and system, in nanoseconds.
///
/// `/proc/PID/stat` counts the same in ticks of 10 ms. The scheduler's own figure of each thread is exact as soon as the
/// thread has gone to sleep, which Envoy's do when nothing is asked of them.
pub fn cpu(process: u32) -> Result<u64, String> {
    let folder = format!("/proc/{process}/task");
    let tasks = fs::read_dir(&folder).map_err(|error| format!("{folder}: {error}"))?;
    let mut sum = 0;
    for task in tasks.flatten() {
        let path = task.path().join("schedstat");
        // A thread may end while the list is read.
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let spent = text.split_whitespace().next().and_then(|first| first.parse::<u64>().ok());
        sum += spent.ok_or_else(|| format!("{}: {text:?}", path.display()))?;
    }
    // A kernel that does not keep these figures says 0.
    if sum == 0 { Err(format!("the kernel does not say what process {process} has used")) } else { Ok(sum) }
}

/// The memory that the process has of the machine, in KiB.
pub fn resident(process: u32) -> Result<u64, String> {
    let path = format!("/proc/{process}/status");
    let status = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
    number.ok_or_else(|| format!("{path} names no resident memory"))
}

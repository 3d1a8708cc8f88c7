//! Children and a folder that never outlive the benchmark, however it ends.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::signal::unix::{SignalKind, signal};

static CHILDREN: Mutex<Vec<Arc<Mutex<Child>>>> = Mutex::new(Vec::new());
static FOLDER: OnceLock<PathBuf> = OnceLock::new();

/// Ends with its owner.
pub struct Process {
    child: Arc<Mutex<Child>>,
    id: u32,
}

impl Process {
    pub fn start(command: &mut Command) -> Result<Self, String> {
        let program = command.get_program().to_owned();
        let child = command.spawn().map_err(|error| format!("can't start {}: {error}", program.display()))?;
        let id = child.id();
        let child = Arc::new(Mutex::new(child));
        lock(&CHILDREN).push(Arc::clone(&child));
        Ok(Self { child, id })
    }

    pub fn id(&self) -> u32 {
        self.id
    }

    pub fn is_running(&self) -> bool {
        matches!(lock(&self.child).try_wait(), Ok(None))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        end(&self.child);
        lock(&CHILDREN).retain(|child| !Arc::ptr_eq(child, &self.child));
    }
}

/// Where everything that a run writes is kept.
pub fn folder() -> &'static Path {
    FOLDER.get_or_init(|| {
        let folder = tempfile::Builder::new().prefix("postern-bench-").tempdir().expect("a folder");
        folder.keep()
    })
}

/// Ends all children and takes the folder away.
pub fn clean_up() {
    lock(&CHILDREN).iter().for_each(end);
    if let Some(folder) = FOLDER.get() {
        drop(std::fs::remove_dir_all(folder));
    }
}

/// Has the signals that end a program clean up first.
pub fn clean_up_on_signals() {
    std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let mut terminate = signal(SignalKind::terminate()).expect("a handler");
            let mut interrupt = signal(SignalKind::interrupt()).expect("a handler");
            tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        });
        clean_up();
        std::process::exit(130);
    });
}

fn end(child: &Arc<Mutex<Child>>) {
    let mut child = lock(child);
    drop(child.kill());
    drop(child.wait());
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

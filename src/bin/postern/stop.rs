//! The wish to end: Ctrl-C, or the signal by which a supervisor ends its children.

use std::io;

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
#[cfg(windows)]
use tokio::signal::windows::{CtrlC, ctrl_c};

/// Once this exists, the signals no longer kill the process.
#[cfg(unix)]
pub struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

#[cfg(unix)]
impl Stop {
    pub fn new() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    pub async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(windows)]
pub struct Stop(CtrlC);

#[cfg(windows)]
impl Stop {
    pub fn new() -> io::Result<Self> {
        ctrl_c().map(Self)
    }

    pub async fn asked(&mut self) {
        self.0.recv().await;
    }
}

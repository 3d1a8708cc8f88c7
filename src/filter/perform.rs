//! Carries out a step: the only place where a request is let on or answered.

use super::host;
use super::worker::Worker;
use crate::denial::Denial;
use crate::flow::{self, Handle, Next, Report, Step};
use crate::reply::Reply;

/// Where in its life the request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// Its headers are being handled: what the callback returns lets it on or holds it.
    InHeaders,
    /// It waits, and somebody else's callback ends the wait.
    Parked,
}

/// Performs a step on the stream that host calls act on. Whatever the host refuses, the request is not let on: it gets
/// an answer, and where not even that can be sent it stays held until Envoy's own timeout ends it.
pub(super) fn perform(worker: &Worker, request: &Handle, step: Step, moment: Moment) {
    let Step { mutations, next } = step;
    for mutation in &mutations {
        if let Err(error) = host::change(host::REQUEST_HEADERS, mutation) {
            log::error!("a request's headers cannot be changed: {error}");
            // A refusal stands though its clean-up failed; nothing else may go on half done.
            if !matches!(next, Next::Reply(..)) {
                return refuse(worker, "a header cannot be changed");
            }
        }
    }
    match next {
        Next::Forward(report) => forward(worker, request, &report, moment),
        Next::Reply(reply, report) => answer(worker, &reply, &report),
        Next::AwaitForm(waiting) => {
            let held = match worker.call_root_some_time() {
                Ok(()) => worker.forms.hold(request, waiting).map_err(|w| (w, Denial::Overloaded)),
                Err(_) => Err((waiting, Denial::Internal("the timer cannot be set"))),
            };
            match held {
                Ok(false) => {}
                // Where it cannot be called soon it is called some time.
                Ok(true) => _ = worker.call_root_soon(),
                Err((waiting, denial)) => perform(worker, request, waiting.refuse(denial), moment),
            }
        }
        Next::AwaitKeys(waiting) => {
            let parked = match worker.call_root_soon() {
                Ok(()) => worker.parking.borrow_mut().park(request, waiting).map_err(|w| (w, Denial::Overloaded)),
                Err(_) => Err((waiting, Denial::Internal("the timer cannot be set"))),
            };
            if let Err((waiting, denial)) = parked {
                perform(worker, request, waiting.refuse(denial), moment);
            }
        }
    }
}

/// Answers a request that the host keeps us from deciding.
pub(super) fn refuse(worker: &Worker, problem: &'static str) {
    let step = flow::refuse_unread(&worker.config, problem);
    if let Next::Reply(reply, report) = step.next {
        answer(worker, &reply, &report);
    }
}

fn forward(worker: &Worker, request: &Handle, report: &Report, moment: Moment) {
    // Told first: the stream is Envoy's again once it is let on.
    tell(worker, report);
    let let_on = match moment {
        Moment::InHeaders => Ok(()),
        Moment::Parked => host::continue_request(),
    };
    match let_on {
        Ok(()) => request.let_on.set(true),
        Err(error) => {
            log::error!("a request cannot be continued: {error}");
            refuse(worker, "the request cannot be continued");
        }
    }
}

fn answer(worker: &Worker, reply: &Reply, report: &Report) {
    tell(worker, report);
    if let Err(error) = host::send(reply) {
        log::error!("an answer cannot be sent: {error}");
    }
}

fn tell(worker: &Worker, report: &Report) {
    worker.count(&report.counter);
    if let Err(error) = host::set_filter_state("postern", &report.record) {
        log::debug!("the decision record cannot be set: {error}");
    }
}

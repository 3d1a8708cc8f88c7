//! One request's callbacks.

use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use super::perform::{Moment, perform, refuse};
#[cfg(feature = "trap-for-tests")]
use super::trap::{self, Callback};
use super::worker::Worker;
use super::{forms, host};
use crate::abi::HostError;
use crate::credential::is_carrier;
use crate::flow::{Handle, begin};
use crate::request::{Mutation, Route, RouteMetadata};

pub(super) struct Stream {
    /// Absent where there is no configuration, which Envoy should not let happen; such a request is held for good.
    worker: Option<Rc<Worker>>,
    request: Handle,
}

impl Stream {
    pub(super) fn new(context_id: u32, worker: Option<Rc<Worker>>) -> Self {
        Self { worker, request: Handle::new(context_id) }
    }

    fn decide(&self, worker: &Worker, has_body: bool) -> Result<(), HostError> {
        let head = host::request_head()?.with_body(has_body);
        // Before any change to a header, which would make Envoy choose the route anew.
        let route = read_route(worker.config.policy.uses_route_name())?;
        let env = worker.env(host::now()?);
        let step = begin(&worker.config, &head, &route, &mut worker.memory.borrow_mut(), &env);
        if worker.memory.borrow().has_news()
            && let Err(error) = worker.call_root_some_time()
        {
            log::error!("the timer cannot be set: {error}");
        }
        perform(worker, &self.request, step, Moment::InHeaders);
        Ok(())
    }

    /// Holds all of a request until it is let on. Envoy may call for body and trailers while the headers are held
    /// (`allow_on_headers_stop_iteration`), and `Continue` there would release everything.
    fn action(&self) -> Action {
        if self.request.let_on.get() { Action::Continue } else { Action::Pause }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Some(worker) = &self.worker {
            worker.parking.borrow_mut().forget(self.request.stream);
            worker.forms.forget(self.request.stream);
        }
    }
}

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, ends: bool) -> Action {
        #[cfg(feature = "trap-for-tests")]
        {
            trap::arm();
            trap::at(Callback::RequestHeaders);
        }
        if let Some(worker) = &self.worker
            && let Err(error) = self.decide(worker, !ends)
        {
            log::error!("a request cannot be read: {error}");
            refuse(worker, "the request cannot be read");
        }
        self.action()
    }

    fn on_http_request_body(&mut self, size: usize, ends: bool) -> Action {
        #[cfg(feature = "trap-for-tests")]
        trap::at(Callback::RequestBody);
        if let Some(worker) = &self.worker {
            forms::go_on(worker, self.request.stream, Some(size), ends);
        }
        self.action()
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        if let Some(worker) = &self.worker
            && let Err(error) = strip_trailers(worker)
        {
            log::error!("a request's trailers cannot be read: {error}");
            worker.parking.borrow_mut().forget(self.request.stream);
            refuse(worker, "the trailers cannot be read");
            worker.forms.forget(self.request.stream);
            return Action::Pause;
        }
        if let Some(worker) = &self.worker {
            forms::go_on(worker, self.request.stream, None, true);
        }
        self.action()
    }
}

fn strip_trailers(worker: &Worker) -> Result<(), HostError> {
    for (name, _) in host::request_trailers()? {
        if worker.config.own_names.has(&name) || is_carrier(&name) {
            host::change(host::REQUEST_TRAILERS, &Mutation::remove(name))?;
        }
    }
    Ok(())
}

fn read_route(wants_name: bool) -> Result<Route, HostError> {
    let name = if wants_name { host::property("xds\0route_name")? } else { None };
    let metadata = match host::property("xds\0route_metadata\0filter_metadata\0postern") {
        Ok(fields) => fields.map_or(RouteMetadata::Absent, |fields| RouteMetadata::read(&fields)),
        // What Envoy cannot pass on, such as a null, was meant to say something.
        Err(HostError::SERIALIZATION_FAILURE) => RouteMetadata::Malformed,
        Err(error) => return Err(error),
    };
    let name = name.and_then(|name| String::from_utf8(name).ok());
    Ok(Route { name, metadata })
}

//! HTTP: health and metrics.

mod listener;

pub use listener::WebListener;

use crate::metrics::Metrics;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

/// What keeps the process from doing its work; nothing when it is ready.
#[derive(Debug, Default)]
pub struct Readiness {
    reasons: Mutex<Vec<(&'static str, String)>>,
}

impl Readiness {
    /// Notes a reason under a key, in place of the one before.
    pub fn set(&self, key: &'static str, reason: impl Into<String>) {
        let mut reasons = self.reasons.lock().unwrap_or_else(PoisonError::into_inner);
        reasons.retain(|(other, _)| *other != key);
        reasons.push((key, reason.into()));
    }

    /// Drops the reason with this key.
    pub fn clear(&self, key: &'static str) {
        let mut reasons = self.reasons.lock().unwrap_or_else(PoisonError::into_inner);
        reasons.retain(|(other, _)| *other != key);
    }

    /// Every reason, a line for each; empty when ready.
    pub fn text(&self) -> String {
        let reasons = self.reasons.lock().unwrap_or_else(PoisonError::into_inner);
        reasons
            .iter()
            .map(|(key, reason)| format!("{key}: {reason}\n"))
            .collect()
    }
}

/// What the pages show.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The numbers.
    pub metrics: Arc<Metrics>,
    /// The state.
    pub readiness: Arc<Readiness>,
}

/// Serves until `shutdown`.
pub async fn serve(
    listener: WebListener,
    shown: Shown,
    shutdown: impl Future<Output = ()> + Send + 'static,
) {
    let app = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(shown);
    // It ends by `shutdown` only: the listener keeps errors of single connections to itself.
    let _ = axum::serve(listener, app)
        .with_graceful_shutdown(shutdown)
        .await;
}

async fn readyz(State(shown): State<Shown>) -> impl IntoResponse {
    let reasons = shown.readiness.text();
    if reasons.is_empty() {
        (StatusCode::OK, "ready\n".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, reasons)
    }
}

async fn metrics(State(shown): State<Shown>) -> impl IntoResponse {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], shown.metrics.text())
}

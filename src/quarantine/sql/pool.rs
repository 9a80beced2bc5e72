//! Connections, for which nobody waits while the server is away.

use crate::quarantine::sql::Dialect;
use crate::quarantine::sql::statement::trouble;
use crate::quarantine::{Answer, StoreError, Trouble};
use sqlx::any::AnyConnectOptions;
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyPool, ConnectOptions as _, Connection as _, Transaction};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// How long a connection may take before the server itself is asked whether it is there.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long a server may take to accept a connection.
const CONNECT_WAIT: Duration = Duration::from_secs(3);

/// Connections to one database.
#[derive(Clone, Debug)]
pub(super) struct Pool {
    pub(super) connections: AnyPool,
    pub(super) dialect: Dialect,
    server: Option<Arc<Server>>,
}

impl Pool {
    /// Connections to a file of SQLite.
    pub(super) fn of_file(connections: AnyPool) -> Self {
        Self {
            connections,
            dialect: Dialect::Sqlite,
            server: None,
        }
    }

    /// Connections to a server.
    pub(super) fn of_server(connections: AnyPool, server: Server) -> Self {
        Self {
            connections,
            dialect: Dialect::Postgres,
            server: Some(Arc::new(server)),
        }
    }

    /// A connection.
    pub(super) async fn acquire(&self) -> Answer<PoolConnection<Any>> {
        let acquiring = async { self.connections.acquire().await.map_err(trouble) };
        self.unless_away(acquiring).await
    }

    /// A transaction for writing.
    pub(super) async fn begin(&self) -> Answer<Transaction<'static, Any>> {
        let beginning = async {
            let begun = match self.dialect {
                // A transaction that first reads and then writes could fail in between otherwise.
                Dialect::Sqlite => self.connections.begin_with("BEGIN IMMEDIATE").await,
                Dialect::Postgres => self.connections.begin().await,
            };
            begun.map_err(trouble)
        };
        self.unless_away(beginning).await
    }

    /// Waits for a connection, but not for a server that cannot be reached.
    async fn unless_away<T>(&self, work: impl Future<Output = Answer<T>>) -> Answer<T> {
        let Some(server) = &self.server else {
            return work.await;
        };
        tokio::select! {
            biased;
            done = work => done,
            why = server.away() => Err(why),
        }
    }
}

/// A server that may be away. The pool asks a server that refuses again and again until its time is over, and
/// then only says that no connection became free.
#[derive(Debug)]
pub(super) struct Server {
    options: AnyConnectOptions,
    /// When it was asked last, and what it said; all who wait share one question.
    asked: Mutex<Option<(Instant, Option<StoreError>)>>,
}

impl Server {
    /// The one that these lead to.
    pub(super) fn new(options: AnyConnectOptions) -> Self {
        Self {
            options,
            asked: Mutex::new(None),
        }
    }

    /// Returns once it cannot be reached, with the reason; never while it can.
    async fn away(&self) -> StoreError {
        loop {
            tokio::time::sleep(PATIENCE).await;
            if let Err(why) = self.ask().await {
                return why;
            }
        }
    }

    /// Can it be reached?
    pub(super) async fn ask(&self) -> Answer<()> {
        let mut asked = self.asked.lock().await;
        let known = asked.as_ref().filter(|(at, _)| at.elapsed() < PATIENCE);
        let why = match known {
            Some((_, why)) => why.clone(),
            None => {
                let why = self.connect().await.err();
                *asked = Some((Instant::now(), why.clone()));
                why
            }
        };
        why.map_or(Ok(()), Err)
    }

    async fn connect(&self) -> Answer<()> {
        let connecting = tokio::time::timeout(CONNECT_WAIT, self.options.connect());
        let connection = connecting.await.map_err(|_| {
            StoreError::new(
                Trouble::Unavailable,
                format!(
                    "the database did not take a connection within {} s",
                    CONNECT_WAIT.as_secs()
                ),
            )
        })?;
        match connection {
            Ok(connection) => {
                // It was only to know; how it ends makes no difference.
                let _ = connection.close().await;
                Ok(())
            }
            Err(err) => Err(match trouble(err) {
                // All its connections are taken: who waits in our own pool may still get one.
                why if why.trouble == Trouble::Exhausted => return Ok(()),
                why => why,
            }),
        }
    }
}

//! SIGINT, SIGTERM and keys → interruptions; the signals come from a thread of its own.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::verdict::Interruption;

/// Listens from now on. Where that fails the signals keep their usual effect.
pub(super) fn listen() -> UnboundedReceiver<Interruption> {
    listen_with_keys().1
}

/// The same, with a sender for keys that mean what a signal does.
pub(super) fn listen_with_keys() -> (UnboundedSender<Interruption>, UnboundedReceiver<Interruption>)
{
    // Unbounded, because a person presses only so many keys.
    let (tell, told) = unbounded_channel();
    let keys = tell.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
    let Ok(runtime) = runtime else { return (keys, told) };
    let listening = {
        // Here and not in the thread, which may begin only when a signal has come.
        let _inside = runtime.enter();
        signal(SignalKind::interrupt()).and_then(|int| Ok((int, signal(SignalKind::terminate())?)))
    };
    let Ok((mut interrupt, mut terminate)) = listening else { return (keys, told) };
    let listener = std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            loop {
                let interruption = tokio::select! {
                    Some(()) = interrupt.recv() => Interruption::Interrupt,
                    Some(()) = terminate.recv() => Interruption::Terminate,
                    else => return,
                };
                if tell.send(interruption).is_err() {
                    return;
                }
            }
        });
    });
    // The thread lives as long as the process; nobody waits for it.
    drop(listener);
    (keys, told)
}

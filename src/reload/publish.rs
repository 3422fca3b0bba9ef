use std::sync::Arc;

use crate::live::Live;

/// A place where something is put in force: it agrees to each new one, or refuses it. Closures are, and every [`Live`] that is
/// there already.
///
/// ```
/// use std::sync::Arc;
/// use countersign::reload::Publish;
///
/// let publish = |number: &Arc<u8>| if **number < 100 { Ok(()) } else { Err("too large") };
/// assert_eq!(Publish::publish(&publish, &Arc::new(7)), Ok(()));
/// assert_eq!(Publish::publish(&publish, &Arc::new(107)), Err("too large".to_owned()));
/// ```
pub trait Publish<T>: Send + Sync {
    /// Puts it in force. A panic is a refusal.
    ///
    /// # Errors
    /// Why it must not be used; what was in force stays then. It is offered again with each look, until it is taken or
    /// something else is loaded.
    fn publish(&self, value: &Arc<T>) -> Result<(), String>;

    /// Takes out of force what is too old. Does nothing by default.
    fn withdraw(&self) {}
}

impl<T, E: ToString, F: Fn(&Arc<T>) -> Result<(), E> + Send + Sync> Publish<T> for F {
    fn publish(&self, value: &Arc<T>) -> Result<(), String> {
        self(value).map_err(|error| error.to_string())
    }
}

impl<T: Send + Sync> Publish<T> for Live<T> {
    fn publish(&self, value: &Arc<T>) -> Result<(), String> {
        Live::publish(self, Arc::clone(value));
        Ok(())
    }

    fn withdraw(&self) {
        Live::withdraw(self);
    }
}

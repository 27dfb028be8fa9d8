//! native ids → pseudonyms and event ids, so that no person leaves the collector
//!
//! A pseudonym is made with the key of the event's year and differs from year to year; when a year's key is destroyed,
//! nobody can tell any more whom its pseudonyms were (GDPR art. 25). Event ids are made with another key that stays, so that
//! gathering December again in January makes the same ids. Both lie in files of their own, outside log and store.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use data_encoding::BASE32_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use parking_lot::Mutex;
use sha2::Sha256;

/// How many characters of base32 a pseudonym has: 130 bits.
const CHARS: usize = 26;
const KEY_BYTES: usize = 32;
const ID_KEY: &str = "ids.key";

/// HMAC-SHA-256 (RFC 2104).
pub(crate) fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut mac = match Hmac::<Sha256>::new_from_slice(key) {
        Ok(mac) => mac,
        Err(_) => unreachable!("HMAC takes a key of any length"),
    };
    mac.update(text);
    mac.finalize().into_bytes().into()
}

fn short(hash: [u8; 32]) -> String {
    BASE32_NOPAD.encode(&hash).to_lowercase()[..CHARS].to_owned()
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It was destroyed, so nothing of its year can be gathered any more.
    #[error("the key of {0} is destroyed: nothing of that year can be given pseudonyms any more")]
    Destroyed(i32),
    /// Its file cannot be read or made.
    #[error("the key {path} cannot be read or made: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Its file is not a key. Another in its place would give everybody a second pseudonym.
    #[error("the key {0} must have {KEY_BYTES} bytes: restore it from its copy")]
    Damaged(PathBuf),
}

/// The keys of a directory. Cheap to clone.
#[derive(Clone)]
pub struct Keys {
    directory: Arc<Path>,
    /// Where new keys come from.
    random: fn() -> std::io::Result<[u8; KEY_BYTES]>,
    held: Arc<Mutex<BTreeMap<String, [u8; KEY_BYTES]>>>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("directory", &self.directory).finish_non_exhaustive()
    }
}

impl Keys {
    /// The keys in a directory; `random` gives 256 bits that nobody can guess. A key is made when it is first needed.
    pub fn new(directory: impl Into<PathBuf>, random: fn() -> std::io::Result<[u8; KEY_BYTES]>) -> Self {
        Self { directory: directory.into().into(), random, held: Arc::default() }
    }

    /// The pseudonym of a native id in a year: `ps_` and 26 characters. `kind` keeps ids of different systems apart.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn pseudonym(&self, year: i32, kind: &str, native: &str) -> Result<String, KeyError> {
        let key = self.year(year)?;
        Ok(format!("ps_{}", short(hmac(&key, format!("{kind}|{native}").as_bytes()))))
    }

    /// The id of an event, the same whenever it is gathered.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn event_id(&self, parts: &[&str]) -> Result<String, KeyError> {
        let key = self.key(ID_KEY)?;
        // Lengths keep ("a", "bc") and ("ab", "c") apart.
        let text: String = parts.iter().map(|part| format!("{}:{part}", part.len())).collect();
        Ok(short(hmac(&key, text.as_bytes())))
    }

    /// A key for something else that comes of a year's key, and is lost with it.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub(super) fn derived(&self, year: i32, purpose: &str) -> Result<[u8; KEY_BYTES], KeyError> {
        // No kind of system has this name, so this is nobody's pseudonym.
        Ok(hmac(&self.year(year)?, format!("key|{purpose}").as_bytes()))
    }

    /// Destroys the key of a year: its pseudonyms lead back to nobody any more. Says whether it was there.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn destroy(&self, year: i32) -> Result<bool, KeyError> {
        let (path, grave) = (self.path(&name(year)), self.path(&grave(year)));
        let failed = |source| KeyError::File { path: path.clone(), source };
        // First, so that no key can be made again whatever happens next.
        std::fs::create_dir_all(&self.directory).map_err(failed)?;
        std::fs::File::create(&grave).and_then(|file| file.sync_all()).map_err(failed)?;
        self.held.lock().remove(&name(year));
        let was_there = match std::fs::File::options().write(true).open(&path) {
            Ok(mut file) => {
                let overwritten = std::io::Write::write_all(&mut file, &[0; KEY_BYTES]);
                overwritten.and_then(|()| file.sync_all()).map_err(failed)?;
                std::fs::remove_file(&path).map_err(failed)?;
                true
            }
            Err(error) if error.kind() == ErrorKind::NotFound => false,
            Err(error) => return Err(failed(error)),
        };
        self.sync_directory().map_err(failed)?;
        Ok(was_there)
    }

    fn year(&self, year: i32) -> Result<[u8; KEY_BYTES], KeyError> {
        if self.path(&grave(year)).exists() {
            return Err(KeyError::Destroyed(year));
        }
        self.key(&name(year))
    }

    fn key(&self, name: &str) -> Result<[u8; KEY_BYTES], KeyError> {
        let mut held = self.held.lock();
        if let Some(key) = held.get(name) {
            return Ok(*key);
        }
        let path = self.path(name);
        let key = match std::fs::read(&path) {
            Ok(bytes) => bytes.try_into().map_err(|_| KeyError::Damaged(path))?,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.make(&path).map_err(|source| KeyError::File { path, source })?
            }
            Err(source) => return Err(KeyError::File { path, source }),
        };
        held.insert(name.to_owned(), key);
        Ok(key)
    }

    /// Makes a key that is on the disk before anything is made with it.
    fn make(&self, path: &Path) -> std::io::Result<[u8; KEY_BYTES]> {
        std::fs::create_dir_all(&self.directory)?;
        let key = (self.random)()?;
        let new = path.with_added_extension("new");
        let mut options = std::fs::File::options();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&new)?;
        std::io::Write::write_all(&mut file, &key)?;
        file.sync_all()?;
        std::fs::rename(&new, path)?;
        self.sync_directory()?;
        Ok(key)
    }

    fn sync_directory(&self) -> std::io::Result<()> {
        std::fs::File::open(&self.directory)?.sync_all()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

fn name(year: i32) -> String {
    format!("{year}.key")
}

/// What stands in the place of a key that was destroyed.
fn grave(year: i32) -> String {
    format!("{year}.destroyed")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::*;

    fn counted() -> std::io::Result<[u8; KEY_BYTES]> {
        static DRAWN: AtomicU8 = AtomicU8::new(0);
        Ok([DRAWN.fetch_add(1, Ordering::Relaxed); KEY_BYTES])
    }

    #[test]
    fn hmac_is_that_of_rfc_4231() {
        let hash = hmac(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(
            data_encoding::HEXLOWER.encode(&hash),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn a_pseudonym_holds_for_its_year_and_its_system_and_an_event_id_for_ever() {
        let directory = tempfile::tempdir().unwrap();
        let keys = Keys::new(directory.path(), counted);
        let one = keys.pseudonym(2021, "ldap", "guid").unwrap();
        assert!(one.len() == 29 && one.starts_with("ps_"), "{one}");
        assert_ne!(one, keys.pseudonym(2022, "ldap", "guid").unwrap());
        assert_ne!(one, keys.pseudonym(2021, "intune", "guid").unwrap());
        let id = keys.event_id(&["a", "bc"]).unwrap();
        assert_ne!(id, keys.event_id(&["ab", "c"]).unwrap());
        // Another process finds the same keys.
        let again = Keys::new(directory.path(), counted);
        assert_eq!(again.pseudonym(2021, "ldap", "guid").unwrap(), one);
        assert_eq!(again.event_id(&["a", "bc"]).unwrap(), id);
        let derived = keys.derived(2021, "kept").unwrap();
        assert_eq!(again.derived(2021, "kept").unwrap(), derived);
        assert_ne!(keys.derived(2021, "other").unwrap(), derived);
        assert_ne!(keys.derived(2022, "kept").unwrap(), derived);
    }

    #[test]
    fn a_key_that_was_destroyed_is_never_made_again() {
        let directory = tempfile::tempdir().unwrap();
        let keys = Keys::new(directory.path(), counted);
        keys.pseudonym(2021, "ldap", "guid").unwrap();
        assert!(keys.destroy(2021).unwrap());
        assert!(!directory.path().join("2021.key").exists());
        for keys in [keys.clone(), Keys::new(directory.path(), counted)] {
            assert!(matches!(keys.pseudonym(2021, "ldap", "guid"), Err(KeyError::Destroyed(2021))));
            assert!(matches!(keys.derived(2021, "kept"), Err(KeyError::Destroyed(2021))));
        }
        keys.pseudonym(2022, "ldap", "guid").unwrap();
        assert!(!keys.destroy(2020).unwrap());
    }

    #[test]
    fn a_damaged_key_is_not_replaced() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("2021.key"), [0; 31]).unwrap();
        let keys = Keys::new(directory.path(), counted);
        assert!(matches!(keys.pseudonym(2021, "ldap", "guid"), Err(KeyError::Damaged(_))));
    }
}

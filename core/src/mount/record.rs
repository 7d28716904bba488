//! The record of a mount: its type, and what it is tuned to.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{Engine, Fixed};
use crate::namespace::Namespace;
use crate::reject::Corrupt;
use crate::seal::Barrier;
use crate::secret::Wiped;
use crate::store::cache::Form;
use crate::store::codec::{Reader, Writer};

const VERSION: u8 = 2;
/// Type, version of the type, default lease time.
const VERSION_1: u8 = 1;

/// The option that tells the versions of `kv` apart.
const VERSION_OPTION: &str = "version";

/// See the module. Its place is in the row that leads to it.
#[derive(Clone)]
pub(crate) struct Record {
    pub(crate) engine: Engine,
    /// The type as it was asked for; of a fixed mount the one that it has in the root namespace.
    pub(crate) word: String,
    pub(crate) description: String,
    pub(crate) local: bool,
    pub(crate) seal_wrap: bool,
    pub(crate) external_entropy_access: bool,
    /// `None` for fixed mounts.
    pub(crate) options: Option<BTreeMap<String, String>>,
    pub(crate) settings: Settings,
    /// Whether it is what initialisation made, untouched: it gives way to a mount or namespace that would
    /// collide with it.
    pub(crate) gives_way: bool,
}

/// What can be tuned. Times are seconds; 0 is the server's own.
#[derive(Clone, Default)]
pub(crate) struct Settings {
    pub(crate) default_lease_ttl: i64,
    pub(crate) max_lease_ttl: i64,
    pub(crate) force_no_cache: bool,
    pub(crate) plugin_version: String,
    pub(crate) audit_request_keys: Vec<String>,
    pub(crate) audit_response_keys: Vec<String>,
    pub(crate) visibility: Visibility,
    pub(crate) request_headers: Vec<String>,
    pub(crate) response_headers: Vec<String>,
    pub(crate) token_type: TokenType,
    pub(crate) lockout: Option<Lockout>,
}

/// Whether a mount shows without a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Visibility {
    #[default]
    Unset,
    Hidden,
    Unauth,
}

impl Visibility {
    const ALL: [Self; 3] = [Self::Unset, Self::Hidden, Self::Unauth];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Unset => "",
            Self::Hidden => "hidden",
            Self::Unauth => "unauth",
        }
    }

    pub(crate) fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|visibility| visibility.word() == word)
    }
}

/// Which tokens an auth method gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum TokenType {
    #[default]
    DefaultService,
    DefaultBatch,
    Service,
    Batch,
}

impl TokenType {
    const ALL: [Self; 4] = [Self::DefaultService, Self::DefaultBatch, Self::Service, Self::Batch];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::DefaultService => "default-service",
            Self::DefaultBatch => "default-batch",
            Self::Service => "service",
            Self::Batch => "batch",
        }
    }

    /// The type of a word; none is the default.
    pub(crate) fn of(word: &str) -> Option<Self> {
        match word {
            "" => Some(Self::DefaultService),
            word => Self::ALL.into_iter().find(|kind| kind.word() == word),
        }
    }
}

/// When a user is locked out after failed logins. Times are seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lockout {
    pub(crate) threshold: u64,
    pub(crate) duration: i64,
    pub(crate) counter_reset: i64,
    pub(crate) disabled: bool,
}

impl Record {
    /// A mount that somebody asks for; `word` is its type as it was asked for.
    pub(crate) fn new(engine: Engine, word: &str, options: BTreeMap<String, String>) -> Self {
        Self {
            engine,
            word: word.to_owned(),
            description: String::new(),
            local: false,
            seal_wrap: false,
            external_entropy_access: false,
            options: Some(options),
            settings: Settings::default(),
            gives_way: false,
        }
    }

    /// The mount that initialisation makes.
    pub(super) fn first() -> Self {
        let options = BTreeMap::from([(VERSION_OPTION.to_owned(), "1".to_owned())]);
        let record = Self::new(Engine::Kv1, "kv", options);
        let description = "key/value secret storage".to_owned();
        Self { description, gives_way: true, ..record }
    }

    /// A fixed mount that nobody has tuned.
    pub(super) fn fixed(fixed: Fixed) -> Self {
        let engine = fixed.engine();
        let word = engine.word(&Namespace::root());
        let mut record = Self { options: None, ..Self::new(engine, word, BTreeMap::new()) };
        let (description, headers): (_, &[&str]) = match fixed {
            Fixed::System => {
                record.seal_wrap = true;
                ("the server's own endpoints", &["Accept"])
            }
            Fixed::Token => ("tokens", &[]),
            Fixed::Cubbyhole => {
                record.local = true;
                ("secrets of one token", &[])
            }
            Fixed::Identity => ("who the callers are", &["Authorization"]),
        };
        record.description = description.to_owned();
        record.settings.request_headers = headers.iter().map(ToString::to_string).collect();
        record
    }

    /// The type that the API shows.
    pub(crate) fn word(&self, namespace: &Namespace) -> &str {
        if self.engine.is_mountable() { &self.word } else { self.engine.word(namespace) }
    }

    /// The version that the options name.
    pub(crate) fn version(&self) -> Option<&str> {
        self.options.as_ref()?.get(VERSION_OPTION).map(String::as_str)
    }

    pub(crate) fn encode(&self) -> Wiped<Vec<u8>> {
        let settings = &self.settings;
        let strings = |writer: Writer, list: &[String]| {
            writer.list(list.iter(), |writer, text| writer.str(text))
        };
        let writer = Writer::new(VERSION)
            .str(&self.word)
            .str(&self.description)
            .bool(self.local)
            .bool(self.seal_wrap)
            .bool(self.external_entropy_access)
            .option(self.options.as_ref(), |writer, options| {
                writer.list(options.iter(), |writer, (name, value)| writer.str(name).str(value))
            })
            .bool(self.gives_way)
            .i64(settings.default_lease_ttl)
            .i64(settings.max_lease_ttl)
            .bool(settings.force_no_cache)
            .str(&settings.plugin_version)
            .str(settings.visibility.word())
            .str(settings.token_type.word())
            .option(settings.lockout, |writer, lockout| {
                writer
                    .u64(lockout.threshold)
                    .i64(lockout.duration)
                    .i64(lockout.counter_reset)
                    .bool(lockout.disabled)
            });
        let writer = strings(writer, &settings.audit_request_keys);
        let writer = strings(writer, &settings.audit_response_keys);
        let writer = strings(writer, &settings.request_headers);
        strings(writer, &settings.response_headers).finish()
    }

    /// Reads the payload of a record.
    pub(crate) fn read(payload: &[u8]) -> Result<Self, Corrupt> {
        let (version, mut reader) = Reader::versioned(payload)?;
        if version == VERSION_1 {
            return Self::read_first(reader);
        }
        if version != VERSION {
            return Err(Corrupt("unknown version of a record"));
        }
        let word = reader.string()?;
        let description = reader.string()?;
        let (local, seal_wrap) = (reader.bool()?, reader.bool()?);
        let external_entropy_access = reader.bool()?;
        let options: Option<BTreeMap<String, String>> = reader.option(|reader| {
            let pairs = reader.list(|reader| Ok((reader.string()?, reader.string()?)))?;
            Ok(pairs.into_iter().collect())
        })?;
        let gives_way = reader.bool()?;
        let settings = Settings::read(&mut reader)?;
        reader.finish()?;
        let version = options.as_ref().and_then(|options| options.get(VERSION_OPTION));
        let fixed = Fixed::ALL.into_iter().map(Fixed::engine);
        let engine = Engine::of(&word, version.map(String::as_str))
            .or_else(|| fixed.into_iter().find(|engine| engine.word(&Namespace::root()) == word));
        Ok(Self {
            engine: engine.ok_or(Corrupt("a mount of an unknown type"))?,
            word,
            description,
            local,
            seal_wrap,
            external_entropy_access,
            options,
            settings,
            gives_way,
        })
    }

    /// The one mount there was before there were others.
    fn read_first(mut reader: Reader<'_>) -> Result<Self, Corrupt> {
        let (word, version) = (reader.str()?, reader.u8()?);
        let default_lease_ttl = reader.i64()?;
        reader.finish()?;
        if (word, version, default_lease_ttl) != ("kv", 1, 0) {
            return Err(Corrupt("a mount of an unknown type"));
        }
        Ok(Self::first())
    }
}

impl Settings {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Corrupt> {
        let (default_lease_ttl, max_lease_ttl) = (reader.i64()?, reader.i64()?);
        let force_no_cache = reader.bool()?;
        let plugin_version = reader.string()?;
        let visibility = Visibility::of(reader.str()?).ok_or(Corrupt("an unknown visibility"))?;
        let token_type = TokenType::of(reader.str()?).ok_or(Corrupt("an unknown token type"))?;
        let lockout = reader.option(|reader| {
            Ok(Lockout {
                threshold: reader.u64()?,
                duration: reader.i64()?,
                counter_reset: reader.i64()?,
                disabled: reader.bool()?,
            })
        })?;
        Ok(Self {
            default_lease_ttl,
            max_lease_ttl,
            force_no_cache,
            plugin_version,
            visibility,
            token_type,
            lockout,
            audit_request_keys: reader.list(Reader::string)?,
            audit_response_keys: reader.list(Reader::string)?,
            request_headers: reader.list(Reader::string)?,
            response_headers: reader.list(Reader::string)?,
        })
    }

    fn bytes(&self) -> usize {
        let lists = [
            &self.audit_request_keys,
            &self.audit_response_keys,
            &self.request_headers,
            &self.response_headers,
        ];
        let texts = lists.into_iter().flatten();
        self.plugin_version.len()
            + texts.map(|text| text.len() + size_of::<String>()).sum::<usize>()
    }
}

impl Form for Record {
    fn decode(payload: &[u8], _: &Barrier) -> Result<Self, Corrupt> {
        Self::read(payload)
    }

    fn bytes(&self) -> usize {
        let options = self.options.iter().flatten();
        let options: usize =
            options.map(|(name, value)| name.len() + value.len() + 2 * size_of::<String>()).sum();
        self.word.len() + self.description.len() + options + self.settings.bytes()
    }
}

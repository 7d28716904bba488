//! Every maximum of the core, in one place, each with its reason.
//!
//! Limits of a connection can be set per listener ([`crate::http::Limits`]); their defaults stand
//! here with the others. A length that a peer chooses is compared with one of these before memory
//! is spent on it.

use core::time::Duration;

// --- A connection ---------------------------------------------------------------------------

/// Bytes of a request head. The reference takes 1 MiB; no client of its API sends more than a few
/// KiB (the largest thing in a head is a JWT), and a head is the first thing a stranger may fill.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Header fields of one request. httparse needs the number in advance; browsers and proxies
/// together stay below 50.
pub const HEADER_COUNT_MAX: usize = 100;
/// Bytes of a request target: 256 segments of 64 bytes, and the usual maximum of proxies.
pub const TARGET_BYTES_MAX: usize = 16 * 1024;
/// Segments of a path. Each may cost a look-up of a folder when a name appears or goes.
pub const PATH_SEGMENTS_MAX: usize = 256;
/// Segments of a mount's path: a path is looked up once for each until its mount is found.
pub const MOUNT_SEGMENTS_MAX: usize = 32;
/// Bytes of a mount's path: it is a name in the index of its namespace, and shown in lists.
pub const MOUNT_PATH_BYTES_MAX: usize = 1024;
/// Bytes of the record of a mount: it is read for the requests to it, and lists show it.
pub const MOUNT_BYTES_MAX: usize = 64 * 1024;
/// Moves of mounts whose outcome is kept.
pub const MOVES_KEPT: usize = 64;
/// Levels of namespaces: each is looked up for every request inside it.
pub const NAMESPACE_DEPTH_MAX: usize = 32;
/// Bytes of a namespace's name: those of all levels, each byte escaped, leave a quarter of a target to
/// the path behind them.
pub const NAMESPACE_NAME_BYTES_MAX: usize = 128;
/// Bytes of a namespace's metadata, names and values: they are read for the requests inside it, and lists
/// show them.
pub const NAMESPACE_METADATA_BYTES_MAX: usize = 64 * 1024;
/// Bytes of a request body: the reference's default for `max_request_size`.
pub const BODY_BYTES_MAX: usize = 32 * 1024 * 1024;
/// The largest body limit that a listener may ask for: offsets into a body are 32 bits.
pub const BODY_BYTES_CEILING: usize = 1024 * 1024 * 1024;
/// Bytes of one chunk-size line or one trailer section: extensions and trailers are read past.
pub const CHUNK_LINE_BYTES_MAX: usize = 4 * 1024;
/// Bytes that a connection takes in while a request of it is being answered (pipelining).
pub const PIPELINE_BYTES_MAX: usize = HEAD_BYTES_MAX;
/// Bytes read and thrown away after a final answer, so that the peer can read that answer.
pub const LINGER_BYTES_MAX: usize = 256 * 1024;
/// Time for that.
pub const LINGER_MAX: Duration = Duration::from_secs(2);
/// Time for a request head from its first byte: the reference's `http_read_header_timeout`.
pub const HEAD_TIME_MAX: Duration = Duration::from_secs(10);
/// Time between two bytes of a body. The reference bounds the whole request by 30 s
/// (`http_read_timeout`); a bound on silence lets slow links finish large bodies.
pub const BODY_SILENCE_MAX: Duration = Duration::from_secs(30);
/// Bytes of a body that must have come for each second beyond that time, counted from its start: a
/// drop now and then does not hold a connection for ever.
pub const BODY_RATE_MIN: u64 = 4 * 1024;
/// Time a connection may be idle: the reference's `http_idle_timeout`.
pub const IDLE_TIME_MAX: Duration = Duration::from_secs(300);
/// Time a peer may leave an answer unread.
pub const WRITE_SILENCE_MAX: Duration = Duration::from_secs(90);

// --- JSON -----------------------------------------------------------------------------------

/// Levels of arrays and objects: the reference's decoder stops there too.
pub const JSON_DEPTH_MAX: usize = 10_000;
/// Strings of a body, keys and values: the reference's `max_request_json_strings`.
pub const JSON_STRINGS_MAX: u64 = 1_000;
/// Estimated memory of a decoded body: the reference's `max_request_json_memory`.
pub const JSON_MEMORY_MAX: u64 = 34_078_720;

// --- Forms ----------------------------------------------------------------------------------

/// Bytes of a form body: where the reference's reader stops.
pub const FORM_BYTES_MAX: usize = 10 * 1024 * 1024;
/// Pairs of a form: names cost far more memory than the two bytes that they may take in a body.
pub const FORM_PAIRS_MAX: usize = 10_000;

// --- Documents ------------------------------------------------------------------------------

/// Bytes of a configuration or a policy. Real ones have a few KiB, a tree takes up to some thirty times
/// its text, and the reference's storage takes no larger entry.
pub const DOCUMENT_BYTES_MAX: usize = 1024 * 1024;
/// Levels of blocks and lists, the document itself being the first. The deepest configuration that is
/// known has six, and what reads the tree recurses over it.
pub const DOCUMENT_DEPTH_MAX: usize = 32;

// --- Password policies ----------------------------------------------------------------------

/// Bytes of a password policy: it is read anew for each password, and real ones have some hundred.
pub const PASSWORD_POLICY_BYTES_MAX: usize = 64 * 1024;
/// Characters of a password: the reference's bounds.
pub const PASSWORD_LENGTH_MIN: usize = 4;
/// See [`PASSWORD_LENGTH_MIN`].
pub const PASSWORD_LENGTH_MAX: usize = 100;
/// Different characters in the charsets of a policy: the reference's bound, and a random byte draws one.
pub const PASSWORD_CHARSET_MAX: usize = 256;
/// Characters drawn for one password until its rules pass, where the reference bounds the time by a
/// second. They take two milliseconds, as long as the most that `sys/tools/random` gives, and up to ten
/// where a hundred rules are checked. A policy that one candidate of a thousand passes fails, at 20
/// characters, once in seven hundred times.
pub const PASSWORD_DRAWS_MAX: usize = 128 * 1024;

// --- Policies -------------------------------------------------------------------------------

/// Paths of one policy. Real ones have fewer than a hundred; each takes some hundred bytes of memory, and
/// some of them are looked at for each request.
pub const POLICY_RULES_MAX: usize = 5_000;
/// Bytes of a path that a template of a policy makes: no path of a request is longer, that of its
/// namespace included.
pub const POLICY_PATH_BYTES_MAX: usize = TARGET_BYTES_MAX + HEAD_BYTES_MAX;
/// Bytes of a policy: it is read in one step, some ten of them in a microsecond. The largest that are known
/// have some 50 KiB.
pub const POLICY_BYTES_MAX: usize = 256 * 1024;
/// Bytes of all policies of one token, as they are stored: they are compiled together, in one step.
pub const ACL_BYTES_MAX: usize = 512 * 1024;
/// Bytes of compiled rules that are kept: some thousand sets of policies of the usual size.
pub const ACL_CACHE_BYTES: usize = 4 * 1024 * 1024;
/// Bytes of the name of a policy: it is a name in the index of its namespace, and tokens have it.
pub const POLICY_NAME_BYTES_MAX: usize = 512;
/// Items of a text with commas that are compared with what a policy lists, each with each: a body may have
/// millions.
pub const PARAMETER_PARTS_MAX: usize = 256;

// --- Requests -------------------------------------------------------------------------------

/// Records that one request may have pinned in memory between its runs.
pub const READ_SET_MAX: usize = 4_096;
/// Requests parked at one time (waiting for records, jobs, audit or room); beyond it 503.
pub const PARKED_MAX: usize = 16_384;
/// Time a request may be parked: the reference's `default_max_request_duration`.
pub const REQUEST_TIME_MAX: Duration = Duration::from_secs(90);
/// Runs of one request: a loop of misses is a fault of the store, not a reason to spin.
pub const RUNS_MAX: u32 = 10_000;
/// Bytes of batches handed out and not yet durable; beyond it writers queue.
pub const BATCH_BYTES_IN_FLIGHT_MAX: usize = 64 * 1024 * 1024;
/// Bytes of an unpaged LIST or SCAN answer.
pub const LIST_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Bytes of the names of origins and header fields in `sys/config/cors`: they are read for each request
/// of a page, and the header fields are sent with the answer to each preflight.
pub const CORS_BYTES_MAX: usize = 8 * 1024;
/// Bytes of random data from `sys/tools/random`, exclusive: the reference's bound.
pub const RANDOM_BYTES_END: i64 = 131_072;

// --- Storage --------------------------------------------------------------------------------

/// Room on the medium that only deletes, revocations and clean-up may use. It also covers what is
/// written between two looks at the medium.
pub const ROOM_RESERVE_BYTES: u64 = 64 * 1024 * 1024;
/// Bytes that a store may need for a byte of a batch, at worst: it writes whole pages of its tree, and
/// keeps the old ones until the commit.
pub const ROOM_FACTOR: usize = 4;
/// Default budget of the cache for records and pages.
pub const CACHE_BYTES: usize = 16 * 1024 * 1024;
/// Default budget of the cache for absences, apart so that random paths push nothing out.
pub const ABSENCE_BYTES: usize = 1024 * 1024;

/// Index pages that one step opens for a list; a list of more is a task.
pub const LIST_PAGES_MAX: usize = 64;
/// Index pages and records that one step opens for a list that shows records (mounts, namespaces,
/// policies); a list of more is a task.
pub const ROLL_READS_MAX: usize = 256;
/// Bytes of those records: the texts of policies are read for such a list.
pub const ROLL_BYTES_MAX: usize = 256 * 1024;
/// Index pages that a task reads together.
pub const TASK_PAGES_AHEAD: usize = 64;
/// Tasks of requests at one time; beyond it 503. Each may build an answer of [`LIST_BYTES_MAX`].
pub const TASKS_MAX: usize = 8;
/// Tasks under way at which a request without a token gets none: places are left for those who show one.
pub const TASKS_OF_STRANGERS_MAX: usize = 2;
/// Dropped owners that one page of the clean-up looks at.
pub const SWEEP_OWNERS_MAX: usize = 64;
/// Rows that one page of the clean-up takes away: one batch, beside which requests find room.
pub const SWEEP_ROWS_MAX: usize = 256;
/// Due rows that one page of the expiry looks at.
pub const EXPIRE_ROWS_MAX: usize = 64;
/// Time until background work that failed is tried again.
pub const CHORE_RETRY: Duration = Duration::from_secs(60);

/// Bytes of an index page, as long as it can be split: a change seals a whole page, and a list opens
/// every page it shows. Some 80 names fit.
pub const PAGE_BYTES_MAX: usize = 2 * 1024;

// --- The seal -------------------------------------------------------------------------------

/// Bytes of a key share that is submitted: the reference's bounds, from the shortest key of its
/// barrier to the longest with an x byte behind it.
pub const SHARE_BYTES_MIN: usize = 16;
/// See [`SHARE_BYTES_MIN`].
pub const SHARE_BYTES_MAX: usize = 33;
/// Terms of a keyring. It is written whole with each; one a day lasts 27 years.
pub const TERMS_MAX: usize = 10_000;
/// Records under one term before it is rotated: nine tenths of 2^32, which is how many random nonces
/// one key of AES-GCM may have (NIST SP 800-38D, 8.3). The reference's bound.
pub const TERM_RECORDS_MAX: i64 = 3_865_470_566;
/// The least that a rule of rotation may ask for: the reference's bound.
pub const TERM_RECORDS_MIN: i64 = 1_000_000;
/// Seconds between two rotations by age, at least: the reference's bound.
pub const ROTATION_INTERVAL_MIN: i64 = 24 * 3600;

// --- Tokens ---------------------------------------------------------------------------------

/// Ancestors of a token: each is looked up when the token is used.
pub const TOKEN_DEPTH_MAX: usize = 64;
/// Bytes of the record of a token: it is read for each request with the token, and for those of its
/// children.
pub const TOKEN_RECORD_BYTES_MAX: usize = 64 * 1024;
/// Policies of a token: each is looked up when the token is used.
pub const TOKEN_POLICIES_MAX: usize = 256;
/// Bytes of a token as a client sends it; longer ones are not looked up.
pub const TOKEN_BYTES_MAX: usize = 8 * 1024;
/// Default and maximum TTL of tokens and leases where the operator names none: the reference's 768 h.
pub const TTL_SECONDS: i64 = 768 * 3600;

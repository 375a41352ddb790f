//! Who is at the other end: addresses as limits count them, the proxies that are believed, and how
//! many connections there may be.

use std::{
    collections::HashMap,
    fmt,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    str::FromStr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::http::{HeaderMap, HeaderName, header};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Where somebody asks from, as limits count it: an IPv4 address, or the first half of an IPv6
/// address, because a network of that size is what one household or machine has (RFC 6177).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Source(IpAddr);

impl Source {
    /// For requests that came over no network, as in tests.
    pub const NOWHERE: Self = Self(IpAddr::V6(Ipv6Addr::UNSPECIFIED));
}

impl From<IpAddr> for Source {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
            }
            address @ IpAddr::V4(_) => address,
        })
    }
}

/// The proxies whose word counts for where a request came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies(Vec<IpNet>);

/// It is no list of addresses and networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotProxies;

impl FromStr for Proxies {
    type Err = NotProxies;

    /// Reads addresses and networks such as `10.0.0.0/8`, with commas between them.
    fn from_str(text: &str) -> Result<Self, NotProxies> {
        let network = |part: &str| {
            let part = part.trim();
            let address = part.parse::<IpAddr>().map(IpNet::from);
            address.or_else(|_| part.parse::<IpNet>()).map_err(|_| NotProxies)
        };
        text.split(',').map(network).collect::<Result<_, _>>().map(Self)
    }
}

impl Proxies {
    fn has(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Where a request came from that `peer` brought.
    ///
    /// Each proxy appends who has asked it. So the list is believed from its end, for as long as
    /// those who wrote it are among the proxies; the first one who is not is who asks. What anybody
    /// wrote before that is theirs alone.
    ///
    /// A proxy sets one of the two headers and lets the other pass, which one is not known. Where
    /// they disagree, neither is believed.
    fn source(&self, peer: IpAddr, headers: &HeaderMap) -> Source {
        if !self.has(peer) {
            return peer.into();
        }
        let walk = |hops: Vec<Option<IpAddr>>| {
            let mut asker = peer;
            for hop in hops.into_iter().rev() {
                // Unreadable, or hidden by the proxy: the last one who is known stands for it.
                let Some(hop) = hop else { break };
                asker = hop;
                if !self.has(hop) {
                    break;
                }
            }
            Source::from(asker)
        };
        match (x_forwarded_for(headers).map(walk), forwarded(headers).map(walk)) {
            (Some(one), Some(other)) if one != other => peer.into(),
            (Some(source), _) | (None, Some(source)) => source,
            (None, None) => peer.into(),
        }
    }
}

/// All values of a list header (RFC 9110 §5.3), in their order.
fn list(headers: &HeaderMap, name: &HeaderName) -> Option<Vec<String>> {
    let values = headers.get_all(name).iter();
    let parts = values.flat_map(|value| {
        let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
        text.split(',').map(|part| part.trim().to_owned()).collect::<Vec<_>>()
    });
    headers.contains_key(name).then(|| parts.collect())
}

fn x_forwarded_for(headers: &HeaderMap) -> Option<Vec<Option<IpAddr>>> {
    let parts = list(headers, &X_FORWARDED_FOR)?;
    Some(parts.iter().map(|part| node(part)).collect())
}

/// The `for` of each element of `Forwarded` (RFC 7239 §4).
fn forwarded(headers: &HeaderMap) -> Option<Vec<Option<IpAddr>>> {
    let parts = list(headers, &header::FORWARDED)?;
    let hops = parts.iter().map(|element| {
        element.split(';').find_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            let is_for = name.trim().eq_ignore_ascii_case("for");
            is_for.then(|| node(value.trim().trim_matches('"'))).flatten()
        })
    });
    Some(hops.collect())
}

/// The address of a node, which may have a port (RFC 7239 §6).
fn node(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let with_port = || Some(text.parse::<SocketAddr>().ok()?.ip());
    bare.parse().ok().or_else(with_port)
}

/// How many connections there may be; 0 stands for any number.
#[derive(Clone, Copy, Debug, Default)]
pub struct ConnectionLimits {
    pub all: usize,
    pub of_one_address: usize,
}

/// There are as many connections from there as there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManySeats;

/// What is between this server and its clients. Clones are the same one.
#[derive(Clone, Default)]
pub struct Network {
    proxies: Arc<Proxies>,
    seats: Arc<Seats>,
    /// Whether the operator was told of a proxy that is not believed.
    has_warned: Arc<AtomicBool>,
}

impl Network {
    pub fn new(proxies: Proxies, limits: ConnectionLimits) -> Self {
        let seats = Seats { limits, taken: Mutex::default() };
        Self { proxies: Arc::new(proxies), seats: Arc::new(seats), has_warned: Arc::default() }
    }

    /// Counts a connection in, unless there are too many. What is behind a proxy is counted where it
    /// is known: see [`seat`](Self::seat).
    pub fn enter(&self, peer: IpAddr) -> Option<Seat> {
        let of = (!self.proxies.has(peer)).then(|| Source::from(peer));
        self.seats.take(true, of)
    }

    /// How many connections there are.
    pub fn connections(&self) -> usize {
        self.seats.taken().all
    }

    /// Counts somebody in who came through a proxy and stays, unless there are too many from there.
    /// None is counted twice.
    ///
    /// # Errors
    /// When there are too many.
    pub fn seat(&self, peer: IpAddr, source: Source) -> Result<Option<Seat>, TooManySeats> {
        if self.proxies.has(peer) {
            return self.seats.take(false, Some(source)).map(Some).ok_or(TooManySeats);
        }
        Ok(None)
    }

    /// Where a request came from that `peer` brought.
    pub fn source(&self, peer: IpAddr, headers: &HeaderMap) -> Source {
        let is_forwarded =
            headers.contains_key(X_FORWARDED_FOR) || headers.contains_key(header::FORWARDED);
        // Most likely it is the operator's own proxy, whose people would share all limits.
        if is_forwarded
            && is_near(peer)
            && !self.proxies.has(peer)
            && !self.has_warned.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(%peer, "a proxy is not believed: is it missing in trusted-proxies?");
        }
        self.proxies.source(peer, headers)
    }
}

/// Whether it is an address of this machine, or of a private network.
fn is_near(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_loopback() || address.is_private(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local(),
    }
}

/// The connections there are.
#[derive(Debug, Default)]
struct Seats {
    limits: ConnectionLimits,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    of: HashMap<Source, usize>,
}

impl Seats {
    fn take(self: &Arc<Self>, is_connection: bool, of: Option<Source>) -> Option<Seat> {
        let fits = |count: usize, limit: usize| limit == 0 || count < limit;
        let taken = &mut *self.taken();
        let of_this = of.map_or(0, |of| taken.of.get(&of).copied().unwrap_or_default());
        if is_connection && !fits(taken.all, self.limits.all)
            || of.is_some() && !fits(of_this, self.limits.of_one_address)
        {
            return None;
        }
        taken.all += usize::from(is_connection);
        if let Some(of) = of {
            taken.of.insert(of, of_this + 1);
        }
        Some(Seat { seats: self.clone(), is_connection, of })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of the connections there may be. It is free again when this is dropped.
pub struct Seat {
    seats: Arc<Seats>,
    is_connection: bool,
    of: Option<Source>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let taken = &mut *self.seats.taken();
        taken.all -= usize::from(self.is_connection);
        if let Some(of) = self.of
            && let Some(count) = taken.of.get_mut(&of)
        {
            *count -= 1;
            if *count == 0 {
                taken.of.remove(&of);
            }
        }
    }
}

impl fmt::Debug for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seat").field("of", &self.of).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn source(peer: &str, headers: &[(&'static str, &str)]) -> Source {
        let proxies: Proxies = "127.0.0.1, 10.0.0.0/8,2001:db8::/32".parse().unwrap();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        proxies.source(address(peer), &map)
    }

    #[test]
    fn a_proxy_is_believed_only_if_it_is_configured() {
        let spoofed = [("x-forwarded-for", "198.51.100.1")];
        assert_eq!(source("192.0.2.1", &spoofed), address("192.0.2.1").into());
        assert_eq!(source("127.0.0.1", &spoofed), address("198.51.100.1").into());
        assert_eq!(source("::ffff:127.0.0.1", &spoofed), address("198.51.100.1").into());
        assert_eq!(source("127.0.0.1", &[]), address("127.0.0.1").into());
    }

    #[test]
    fn the_last_one_who_is_no_proxy_is_who_asks() {
        for (list, asker) in [
            ("203.0.113.9, 198.51.100.1", "198.51.100.1"),
            ("203.0.113.9, 198.51.100.1, 10.1.2.3", "198.51.100.1"),
            ("10.1.2.3, 10.9.9.9", "10.1.2.3"),
            ("198.51.100.1:4711", "198.51.100.1"),
            ("[2001:470::7]:443", "2001:470::"),
            ("198.51.100.1, unknown", "127.0.0.1"),
            ("198.51.100.1, 10.1.2.3, ", "127.0.0.1"),
            ("", "127.0.0.1"),
        ] {
            let found = source("127.0.0.1", &[("x-forwarded-for", list)]);
            assert_eq!(found, address(asker).into(), "{list}");
        }
        let lines = [("x-forwarded-for", "203.0.113.9"), ("x-forwarded-for", "198.51.100.1")];
        assert_eq!(source("127.0.0.1", &lines), address("198.51.100.1").into());
    }

    #[test]
    fn the_newer_header_is_read_as_well() {
        for (list, asker) in [
            ("for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60"),
            ("for=203.0.113.1, For=\"[2001:470::1]:8080\"", "2001:470::"),
            ("for=192.0.2.60, for=10.0.0.1", "192.0.2.60"),
            ("for=192.0.2.60, for=_hidden", "127.0.0.1"),
            ("proto=https", "127.0.0.1"),
        ] {
            let found = source("127.0.0.1", &[("forwarded", list)]);
            assert_eq!(found, address(asker).into(), "{list}");
        }
        let both = |one: &str| {
            source("127.0.0.1", &[("x-forwarded-for", "192.0.2.60"), ("forwarded", one)])
        };
        assert_eq!(both("for=192.0.2.60"), address("192.0.2.60").into());
        assert_eq!(both("for=192.0.2.61"), address("127.0.0.1").into(), "one of them is forged");
    }

    #[test]
    fn a_network_of_ipv6_is_one_source() {
        let of = |text| Source::from(address(text));
        assert_eq!(of("2001:db8:0:1::1"), of("2001:db8:0:1:ffff::2"));
        assert_ne!(of("2001:db8:0:1::1"), of("2001:db8:0:2::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }

    #[test]
    fn what_is_no_list_of_networks_is_refused() {
        for text in ["", "10.0.0.0/33", "localhost", "10.0.0.1,", "10.0.0.0/8 ::1"] {
            assert_eq!(text.parse::<Proxies>(), Err(NotProxies), "{text}");
        }
    }

    #[test]
    fn a_seat_is_free_again_when_it_is_left() {
        let limits = ConnectionLimits { all: 3, of_one_address: 2 };
        let network = Network::new("10.0.0.1".parse().unwrap(), limits);
        let one = address("192.0.2.1");
        let first = network.enter(one).unwrap();
        let second = network.enter(one).unwrap();
        assert!(network.enter(one).is_none(), "too many from there");
        let third = network.enter(address("10.0.0.1")).unwrap();
        assert!(network.enter(address("192.0.2.2")).is_none(), "too many in all");
        drop((first, second, third));
        // A proxy stands for many; they are counted by who they are.
        let proxy = address("10.0.0.1");
        let _connections = [(); 3].map(|()| network.enter(proxy).unwrap());
        let _seats = [(); 2].map(|()| network.seat(proxy, one.into()).unwrap().unwrap());
        assert!(network.seat(proxy, one.into()).is_err());
        assert!(network.seat(proxy, address("192.0.2.2").into()).is_ok());
        assert!(network.seats.taken().of.len() == 1, "nobody is remembered who is gone");
    }
}

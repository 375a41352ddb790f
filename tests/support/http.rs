//! HTTP as it is on the wire: one connection a request, and every header under control.
//!
//! A client library would add an Origin, a Host or an Accept of its own, which is what is tested.

use std::{
    future::{Future, IntoFuture},
    net::SocketAddr,
    pin::Pin,
};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use flack::domain::refusal::Refusal;
use serde::de::DeserializeOwned;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::soon;

/// A request. Awaiting it sends it and reads the answer.
#[derive(Clone, Debug)]
pub struct Ask {
    address: SocketAddr,
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Ask {
    pub fn new(address: SocketAddr, method: &str, path: &str) -> Self {
        let headers = vec![
            ("host".to_owned(), address.to_string()),
            ("connection".to_owned(), "close".to_owned()),
        ];
        Self { address, method: method.to_owned(), path: path.to_owned(), headers, body: vec![] }
    }

    /// Adds a header, or replaces the one of this name.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    /// The cookie of a session; an empty one is not sent.
    pub fn cookie(self, cookie: &str) -> Self {
        if cookie.is_empty() { self } else { self.header("cookie", cookie) }
    }

    /// Form-encoded fields in the body.
    pub fn form(self, fields: &[(&str, &str)]) -> Self {
        let body = serde_urlencoded::to_string(fields).expect("pairs of text can be encoded");
        self.header("content-type", "application/x-www-form-urlencoded").body(&body)
    }

    pub fn body(self, body: &str) -> Self {
        self.bytes(body.as_bytes())
    }

    pub fn bytes(mut self, body: &[u8]) -> Self {
        self.body = body.to_vec();
        let length = self.body.len().to_string();
        self.header("content-length", &length)
    }

    /// As a browser sends it when there is no script, from the page at `page`.
    pub fn by_form_of(self, page: &str) -> Self {
        let origin = format!("http://{}", self.address);
        let referer = format!("{origin}{page}");
        self.header("accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")
            .header("origin", &origin)
            .header("referer", &referer)
    }

    /// Like awaiting it, where there may be no server: none without an answer.
    pub async fn attempt(self) -> Option<Answer> {
        soon("an answer, or the end", self.send())
            .await
            .filter(|answer| !answer.is_empty())
            .map(|answer| Answer::read(&answer))
    }

    /// Gives the bytes of the answer, or none if nobody listens.
    async fn send(self) -> Option<Vec<u8>> {
        let mut request = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        let mut bytes = request.into_bytes();
        bytes.extend_from_slice(&self.body);

        let mut answer = Vec::new();
        let mut stream = TcpStream::connect(self.address).await.ok()?;
        // A server that refuses may close before it has read all.
        let _ = stream.write_all(&bytes).await;
        let _ = stream.read_to_end(&mut answer).await;
        Some(answer)
    }
}

impl IntoFuture for Ask {
    type Output = Answer;
    type IntoFuture = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let what = format!("the answer to {} {}", self.method, self.path);
            let answer = soon(&what, self.send()).await.expect("the server listens");
            Answer::read(&answer)
        })
    }
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
    /// The body as it came, which need not be text.
    pub bytes: Vec<u8>,
}

impl Answer {
    fn read(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        let end = end.unwrap_or_else(|| panic!("no answer: {:?}", String::from_utf8_lossy(bytes)));
        let head = std::str::from_utf8(&bytes[..end]).expect("headers are ASCII here");
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        let headers: HeaderMap = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| {
                (name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap())
            })
            .collect();
        let body = &bytes[end + 4..];
        let is_chunked = headers.get("transfer-encoding").is_some_and(|it| it == "chunked");
        let body = if is_chunked { join_chunks(body) } else { body.to_vec() };
        Self {
            status: status.and_then(|status| status.parse().ok()).expect("a status line"),
            headers,
            body: String::from_utf8_lossy(&body).into_owned(),
            bytes: body,
        }
    }

    /// A header's value; empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }

    #[track_caller]
    pub fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The refusal that this answer must be.
    #[track_caller]
    pub fn refusal(&self) -> Refusal {
        assert!(self.status >= 400, "{} {}", self.status, self.body);
        self.json()
    }

    /// The name and value of the session's cookie, as a browser sends it back; without the rest.
    pub fn session_cookie(&self) -> String {
        self.header("set-cookie").split(';').next().unwrap_or_default().to_owned()
    }

    /// The messages of a page, as text: author, time and words of each.
    pub fn articles(&self) -> Vec<String> {
        let articles = self.body.split("<article").skip(1);
        articles.map(|rest| text(rest.split("</article>").next().unwrap_or(rest))).collect()
    }
}

/// What is between the tags, with single spaces.
fn text(html: &str) -> String {
    let parts = html.split('<').filter_map(|part| part.split_once('>')).map(|(_, text)| text);
    let words: Vec<&str> = parts.flat_map(str::split_whitespace).collect();
    words.join(" ").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// The body of a chunked answer (RFC 9112 §7.1).
fn join_chunks(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let line = rest.windows(2).position(|two| two == b"\r\n").expect("a whole answer");
        let size = std::str::from_utf8(&rest[..line]).unwrap_or_default();
        let size = usize::from_str_radix(size, 16).expect("the size of a chunk");
        if size == 0 {
            return body;
        }
        let chunk = &rest[line + 2..];
        assert!(chunk.len() >= size + 2, "the answer is cut off");
        body.extend_from_slice(&chunk[..size]);
        rest = &chunk[size + 2..];
    }
}

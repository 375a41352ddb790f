//! Files of any content, on their whole way in and out: what is no picture must not become one, what is
//! one must come out without its metadata, and nothing may stay behind. And forms with files in them.

#![no_main]

mod decoders;
#[expect(dead_code, reason = "another target uses what is not used here")]
mod house;

use axum::{
    body::{Body, to_bytes},
    http::Request,
};
use flack::{
    domain::attachment::Attachment,
    server::{http, network::Network},
};
use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};
use tower_service::Service;

use house::HOUSE;

#[derive(Arbitrary, Debug)]
enum Sent<'a> {
    Jpeg(&'a [u8]),
    Png(&'a [u8]),
    WebP(&'a [u8]),
    Gif(&'a [u8]),
    Any(&'a [u8]),
    Form(&'a [u8]),
}

/// What must be in no picture that was taken in.
const PLACE: &[u8] = b"GPS-HERE";

fuzz_target!(|sent: Sent| {
    decoders::forgive();
    let (start, rest): (&[u8], _) = match &sent {
        // With something that has to go.
        Sent::Jpeg(rest) => (b"\xFF\xD8\xFF\xFE\0\x0AGPS-HERE", rest),
        Sent::Png(rest) => (b"\x89PNG\r\n\x1a\n\0\0\0\x08tEXtGPS-HERE\0\0\0\0", rest),
        Sent::WebP(rest) => (b"RIFF\0\x10\0\0WEBPXMP \x08\0\0\0GPS-HERE", rest),
        Sent::Gif(rest) => (b"GIF89a\x02\0\x02\0\0\0\0\x21\xFE\x08GPS-HERE\0", rest),
        Sent::Any(rest) => (b"", rest),
        Sent::Form(rest) => (b"--x\r\ncontent-disposition: form-data; name=\"", rest),
    };
    let content = [start, rest].concat();
    HOUSE.runtime.block_on(async {
        if let Sent::Form(_) = sent {
            let form = "multipart/form-data; boundary=x";
            let (status, _) = ask("POST", "/api/post_message", form, content).await;
            assert!([200, 400, 404, 413, 422, 429, 507].contains(&status), "{status}");
            return;
        }
        let (status, body) = ask("POST", "/files?name=x.png", "", content.clone()).await;
        if status == 429 {
            return;
        }
        assert_eq!(status, 201, "{}", String::from_utf8_lossy(&body));
        let file: Attachment = serde_json::from_slice(&body).expect("an attachment");
        let (status, stored) = ask("GET", &file.path(), "", Vec::new()).await;
        assert_eq!((status, stored.len() as u64), (200, file.size));
        if let Some(size) = file.image {
            assert!(size.width > 0 && size.height > 0);
            assert!(!stored.windows(PLACE.len()).any(|part| part == PLACE) || rest_has_it(rest));
            let (status, _) = ask("GET", &file.thumbnail_path(), "", Vec::new()).await;
            assert_eq!(status, 200);
        } else if file.media_type == "application/octet-stream" {
            assert!(stored == content || stored.len() < content.len());
        }
        let (status, _) = ask("DELETE", &file.path(), "", Vec::new()).await;
        assert!([204, 429].contains(&status), "{status}");
    });
});

/// It may be a part of what shows.
fn rest_has_it(rest: &[u8]) -> bool {
    rest.windows(PLACE.len()).any(|part| part == PLACE)
}

async fn ask(method: &str, path: &str, content_type: &str, body: Vec<u8>) -> (u16, Vec<u8>) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("cookie", &HOUSE.ada.cookie)
        .header("content-type", content_type)
        .body(Body::from(body))
        .expect("a valid request");
    let mut app = http::app(HOUSE.flack.clone(), None, Network::default());
    let answer = app.call(request).await.expect("there is always an answer");
    let status = answer.status().as_u16();
    let body = to_bytes(answer.into_body(), usize::MAX).await.expect("a whole body");
    (status, body.to_vec())
}

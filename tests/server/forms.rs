//! Everything works in a browser without JavaScript.

use crate::support::{guest::Guest, house::House, http::Answer};

/// Submits a form of the page at `page`, as a browser does by itself.
async fn submit(guest: &Guest, page: &str, action: &str, fields: &[(&str, &str)]) -> Answer {
    guest.ask(action, fields).by_form_of(page).await
}

#[track_caller]
fn assert_leads_to(answer: &Answer, to: &str) {
    assert_eq!((answer.status, answer.header("location")), (303, to), "{}", answer.body);
}

/// The page says what is wrong, in a sentence, and still has what was typed.
#[track_caller]
fn assert_refused(answer: &Answer, status: u16, sentence: &str, typed: &str) {
    assert_eq!(answer.status, status);
    assert!(answer.header("content-type").starts_with("text/html"));
    // What the client goes on from is in a script, and nobody reads it there.
    let shown: String =
        answer.body.split("<script").map(|part| part.rsplit("</script>").next().unwrap()).collect();
    assert!(shown.contains(sentence), "{sentence:?} in {shown}");
    assert!(shown.contains(typed), "{typed:?} in {shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_visit() {
    let house = House::open().await;
    // The name, from the first page and from a link somebody sent.
    let joined = house.post("/api/sign_in").form(&[("name", "Ada")]).by_form_of("/").await;
    assert_leads_to(&joined, "/c/general");
    let cookie = joined.session_cookie();
    house.get("/c/general").cookie(&cookie).await.expect(200);
    let linked = house.post("/api/sign_in").form(&[("name", "Bob")]).by_form_of("/c/design").await;
    assert_leads_to(&linked, "/c/design");

    let cleo = house.join("Cleo").await;
    let created = submit(&cleo, "/c/general", "/api/create_channel", &[("name", "#東京 office")]);
    assert_leads_to(&created.await, "/c/%E6%9D%B1%E4%BA%AC%20office");

    let fields = [("channel", "general"), ("text", "one\r\ntwo")];
    let posted = submit(&cleo, "/c/general", "/api/post_message", &fields).await;
    assert_leads_to(&posted, "/c/general");
    let page = cleo.page("general").await;
    let articles = page.articles();
    assert!(articles[0].contains("Cleo") && articles[0].contains("one two"), "{articles:?}");
    assert!(page.body.contains("<time"), "with its time");

    // The form to delete it is in the page that its link leads to.
    let article = page.body.split("<article").nth(1).unwrap();
    let link = article.split("href=\"/c/general/").nth(1).expect("a link to the message");
    let message = link.split('"').next().unwrap();
    let of_message = cleo.get(&format!("/c/general/{message}")).await.expect(200);
    assert!(of_message.body.contains("action=\"/api/delete_message\""));
    assert!(of_message.body.contains(&format!("name=\"message\" value=\"{message}\"")));
    let fields = [("channel", "general"), ("message", message)];
    let deleted = submit(&cleo, "/c/general", "/api/delete_message", &fields).await;
    assert_leads_to(&deleted, "/c/general");
    assert_eq!(cleo.page("general").await.articles().len(), 0);

    let left = submit(&cleo, "/c/general", "/api/sign_out", &[]).await;
    assert_leads_to(&left, "/");
    assert!(left.header("set-cookie").contains("Max-Age=0"));
    cleo.sign_out().await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_ones_own_messages_can_be_deleted() {
    let house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    let [adas, bobs] = [ada.post("general", "Ada's").await, bob.post("general", "Bob's").await];
    for (message, forms) in [(adas, 0), (bobs, 1)] {
        let page = bob.get(&format!("/c/general/{message}")).await.expect(200);
        assert_eq!(page.body.matches("action=\"/api/delete_message\"").count(), forms);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_name_stays_where_it_was_typed() {
    let house = House::open().await;
    house.join("Ada").await;
    let ask = |name: &str| {
        house.post("/api/sign_in").form(&[("name", name)]).by_form_of("/").into_future()
    };
    let taken =
        "Somebody is called ADA already, or by a name that looks like it. Try another name.";
    assert_refused(&ask("ADA").await, 409, taken, "value=\"ADA\"");
    let long = "x".repeat(33);
    assert_refused(&ask(&long).await, 422, "can have up to 32 characters.", &long);
    assert_refused(&ask("").await, 422, "Type the name that others should see.", "Display name");
    let answer = ask("\"><script>\u{200b}alert(1)</script>").await;
    assert_refused(&answer, 422, "can only have characters that others can see.", "alert(1)");
    assert!(!answer.body.contains("<script>\u{200b}"), "{}", answer.body);
    assert_eq!(answer.header("set-cookie"), "");
    assert_eq!(answer.header("cache-control"), "private, no-store");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_channel_stays_where_it_was_typed() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    for page in ["/", "/c/general", "/nowhere"] {
        let fields = [("name", "GENERAL")];
        let answer = submit(&ada, page, "/api/create_channel", &fields).await;
        let sentence = "There is already a channel called #general.";
        assert_refused(&answer, 409, sentence, "value=\"GENERAL\"");
    }
    let answer = submit(&ada, "/c/general", "/api/create_channel", &[("name", "a/b")]).await;
    assert_refused(&answer, 422, "cannot have slashes", "value=\"a/b\"");
    // Submitted again from the page of the refusal, whose address is the form's.
    let answer = submit(&ada, "/api/create_channel", "/api/create_channel", &[("name", "")]).await;
    assert_refused(&answer, 422, "Type a name for the channel.", "Channel name");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_message_stays_where_it_was_typed() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    ada.post("general", "what was said before").await;
    let long = "long ".repeat(1_000);
    let fields = [("channel", "general"), ("text", long.as_str())];
    let answer = submit(&ada, "/c/general", "/api/post_message", &fields).await;
    assert_refused(&answer, 422, "This one has 4999.", long.trim_end());
    assert_eq!(answer.articles().len(), 1, "the conversation is still there");
    let sly = format!("</textarea><img src=x>&lt; {long}");
    let fields = [("channel", "general"), ("text", sly.as_str())];
    let answer = submit(&ada, "/c/general", "/api/post_message", &fields).await;
    assert_refused(&answer, 422, "can have up to", "&lt;/textarea>&lt;img src=x>&amp;lt; long");
    let fields = [("channel", "general"), ("text", " ")];
    let answer = submit(&ada, "/c/general", "/api/post_message", &fields).await;
    assert_refused(&answer, 422, "Write something first.", "Message #general");
    assert_eq!(house.window("general").await.messages().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_signed_out_meanwhile_is_asked_for_a_name() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    ada.sign_out().await.expect(200);
    let fields = [("channel", "general"), ("text", "Hello?")];
    let answer = submit(&ada, "/c/general", "/api/post_message", &fields).await;
    assert_eq!(answer.status, 401);
    assert!(answer.body.contains("Display name"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_never_leads_to_another_site() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    for referer in
        ["https://evil.example/trap", "//evil.example/", "http://x//evil.example", "nonsense", ""]
    {
        let fields = [("channel", "no such"), ("text", "")];
        let ask = ada.ask("/api/post_message", &fields).by_form_of("/").header("referer", referer);
        let refused = ask.await;
        assert!(refused.status >= 400, "{referer}");
        assert!(!refused.body.contains("evil.example"), "{referer}");
        let name = house.post("/api/sign_in").form(&[("name", &format!("Eve {}", referer.len()))]);
        let joined = name.by_form_of("/").header("referer", referer).await.expect(303);
        let to = joined.header("location");
        assert!(to.starts_with('/') && !to.starts_with("//"), "{referer} led to {to}");
    }
}

/// The address of the page that a form was on is put into a script; it must not become one.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_no_script() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    for path in ["/c/x');alert(1)//", "/c/');alert(1)//", "/c/x%27);alert(1)//"] {
        let answer = submit(&ada, path, "/api/create_channel", &[("name", "")]).await;
        let broken = answer.body.split("<script").skip(1).find(|it| it.contains("');alert(1)"));
        assert_eq!(broken, None, "{path}");
    }
}

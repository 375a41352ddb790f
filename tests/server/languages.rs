//! Everybody is spoken to in the language that they have chosen, or that their browser asks for.

use flack::{domain::refusal::Reason, words::Language};

use crate::support::house::House;

/// The words that stand on the first page for who has no name yet.
fn greeting(language: Language) -> &'static str {
    language.words().join_heading
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_says_in_which_language_it_is_and_what_that_depends_on() {
    let house = House::open().await;
    for (accept, cookie, language) in [
        ("de-DE,de;q=0.9,en;q=0.8", "", Language::German),
        ("fr", "", Language::English),
        ("de", "language=en", Language::English),
        ("en", "language=de", Language::German),
    ] {
        let page = house.get("/").header("accept-language", accept).cookie(cookie).await;
        let page = page.expect(200);
        assert_eq!(page.header("content-language"), language.tag());
        assert_eq!(page.header("vary"), "cookie, accept-language");
        assert!(page.body.contains(&format!("<html lang=\"{}\"", language.tag())));
        assert!(page.body.contains(greeting(language)), "{}", page.body);
        assert!(page.body.contains(&format!("/{}", language.file())), "{}", page.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_chooses_is_remembered_by_the_browser_until_one_leaves_it_to_that_again() {
    let house = House::open().await;
    let choose = |language: &'static str| {
        house.post("/api/choose_language").form(&[("language", language)]).by_form_of("/")
    };
    let chosen = choose("de").await.expect(303);
    assert!(chosen.header("set-cookie").starts_with("language=de; "), "{chosen:?}");
    for other in ["", "xx", "\"><script>"] {
        let left = choose(other).await.expect(303);
        assert!(left.header("set-cookie").starts_with("language=; "), "{other}: {left:?}");
        assert!(left.header("set-cookie").contains("Max-Age=0"), "{other}: {left:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_are_told_in_english_and_why_in_words_of_their_own() {
    let house = House::open().await;
    house.join("Ada").await;
    let asked = house.post("/api/sign_in").form(&[("name", "Ada")]).cookie("language=de");
    let answer = asked.await.expect(409);
    assert!(answer.body.contains("Somebody is called Ada already"), "{}", answer.body);
    let refusal = answer.refusal();
    assert_eq!(refusal.reason, Reason::NameTaken);
    let german = refusal.told(Language::German.words());
    assert!(german.starts_with("Es heißt schon jemand Ada"), "{german}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_finds_the_words_of_its_page() {
    let house = House::open().await;
    for language in Language::ALL {
        let words = house.get(&format!("/{}", language.file())).await.expect(200);
        assert_eq!(words.header("content-type"), "text/plain; charset=utf-8");
        assert_eq!(words.body, language.words().lines());
    }
}

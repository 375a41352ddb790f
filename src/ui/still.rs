//! Views of which the client has less code than of others, because it does less with them.

use leptos::{
    attr::{Attribute, any_attribute::AnyAttribute},
    prelude::*,
    tachys::{
        hydration::Cursor,
        reactive_graph::RenderEffectState,
        view::{Position, PositionState},
    },
};

/// A view of which nothing is compared when the closure around it runs again: whatever changes in it
/// are signals of its own.
///
/// The closure may run again only for another branch, as where a [`Memo`] chooses between branches.
pub struct Still<V>(pub V);

impl<V: Render> Render for Still<V> {
    type State = V::State;

    fn build(self) -> Self::State {
        self.0.build()
    }

    fn rebuild(self, _: &mut Self::State) {}
}

impl<V: AddAnyAttr> AddAnyAttr for Still<V> {
    type Output<A: Attribute> = Still<V::Output<A>>;

    fn add_any_attr<A: Attribute>(self, attribute: A) -> Self::Output<A>
    where
        Self::Output<A>: RenderHtml,
    {
        Still(self.0.add_any_attr(attribute))
    }
}

impl<V: RenderHtml> RenderHtml for Still<V> {
    type AsyncOutput = V::AsyncOutput;
    type Owned = Still<V::Owned>;

    const MIN_LENGTH: usize = V::MIN_LENGTH;
    const EXISTS: bool = V::EXISTS;

    fn dry_resolve(&mut self) {
        self.0.dry_resolve();
    }

    async fn resolve(self) -> Self::AsyncOutput {
        self.0.resolve().await
    }

    fn to_html_with_buf(
        self,
        html: &mut String,
        position: &mut Position,
        escape: bool,
        mark_branches: bool,
        attributes: Vec<AnyAttribute>,
    ) {
        self.0.to_html_with_buf(html, position, escape, mark_branches, attributes);
    }

    fn hydrate<const FROM_SERVER: bool>(
        self,
        cursor: &Cursor,
        position: &PositionState,
    ) -> Self::State {
        self.0.hydrate::<FROM_SERVER>(cursor, position)
    }

    fn into_owned(self) -> Self::Owned {
        Still(self.0.into_owned())
    }
}

/// A view that depends on whether something is so, and on nothing else. The server asks once; the client
/// follows, and draws the other view when the answer is another.
pub struct Whether<C, F>(pub C, pub F);

impl<C, F, V> Whether<C, F>
where
    C: Fn() -> bool + Send + Sync + 'static,
    F: Fn(bool) -> V + Send + 'static,
    V: RenderHtml + 'static,
    V::State: 'static,
{
    fn follow(self) -> impl FnMut() -> V + Send + 'static {
        let Self(is_so, view) = self;
        let is_so = Memo::new(move |_| is_so());
        move || view(is_so.get())
    }
}

impl<C, F, V> Render for Whether<C, F>
where
    C: Fn() -> bool + Send + Sync + 'static,
    F: Fn(bool) -> V + Send + 'static,
    V: RenderHtml + 'static,
    V::State: 'static,
{
    type State = RenderEffectState<V::State>;

    fn build(self) -> Self::State {
        self.follow().build()
    }

    fn rebuild(self, _: &mut Self::State) {}
}

impl<C, F, V> AddAnyAttr for Whether<C, F>
where
    C: Fn() -> bool + Send + Sync + 'static,
    F: Fn(bool) -> V + Send + 'static,
    V: RenderHtml + 'static,
    V::State: 'static,
{
    type Output<A: Attribute> = Self;

    fn add_any_attr<A: Attribute>(self, _: A) -> Self::Output<A> {
        self
    }
}

impl<C, F, V> RenderHtml for Whether<C, F>
where
    C: Fn() -> bool + Send + Sync + 'static,
    F: Fn(bool) -> V + Send + 'static,
    V: RenderHtml + 'static,
    V::State: 'static,
{
    type AsyncOutput = Self;
    type Owned = Self;

    const MIN_LENGTH: usize = 0;

    fn dry_resolve(&mut self) {}

    async fn resolve(self) -> Self {
        self
    }

    fn to_html_with_buf(
        self,
        html: &mut String,
        position: &mut Position,
        escape: bool,
        mark_branches: bool,
        attributes: Vec<AnyAttribute>,
    ) {
        let Self(is_so, view) = self;
        view(is_so()).to_html_with_buf(html, position, escape, mark_branches, attributes);
    }

    fn hydrate<const FROM_SERVER: bool>(
        self,
        cursor: &Cursor,
        position: &PositionState,
    ) -> Self::State {
        self.follow().hydrate::<FROM_SERVER>(cursor, position)
    }

    fn into_owned(self) -> Self {
        self
    }
}

/// What the server renders and the client leaves as it is: forms that the browser sends, links, words.
/// It is the only child of an element that comes with the page.
pub struct Rendered<F>(pub F);

impl<V: IntoView, F: FnOnce() -> V + Send + 'static> Render for Rendered<F> {
    type State = ();

    fn build(self) {}

    fn rebuild(self, (): &mut ()) {}
}

impl<V: IntoView, F: FnOnce() -> V + Send + 'static> AddAnyAttr for Rendered<F> {
    type Output<A: Attribute> = Self;

    fn add_any_attr<A: Attribute>(self, _: A) -> Self::Output<A> {
        self
    }
}

impl<V: IntoView, F: FnOnce() -> V + Send + 'static> RenderHtml for Rendered<F> {
    type AsyncOutput = Self;
    type Owned = Self;

    const MIN_LENGTH: usize = 0;

    fn dry_resolve(&mut self) {}

    async fn resolve(self) -> Self {
        self
    }

    fn to_html_with_buf(
        self,
        html: &mut String,
        position: &mut Position,
        escape: bool,
        mark_branches: bool,
        attributes: Vec<AnyAttribute>,
    ) {
        self.0().to_html_with_buf(html, position, escape, mark_branches, attributes);
    }

    fn hydrate<const FROM_SERVER: bool>(self, _: &Cursor, _: &PositionState) {}

    fn into_owned(self) -> Self {
        self
    }
}

//! Files that somebody gives to the page, and their way to the server.

use std::rc::Rc;

use send_wrapper::SendWrapper;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{
    ClipboardEvent, DataTransfer, DragEvent, Element, Event, File, FileList, HtmlInputElement,
    Node, ProgressEvent, XmlHttpRequest,
};

use crate::client::upload::SendingEvent;

/// A file that somebody has given to the page.
pub struct ChosenFile(SendWrapper<File>);

impl ChosenFile {
    pub fn name(&self) -> String {
        self.0.name()
    }

    /// In bytes.
    pub fn size(&self) -> u64 {
        self.0.size() as u64
    }
}

fn files(list: Option<FileList>) -> Vec<ChosenFile> {
    let Some(list) = list else { return Vec::new() };
    let files = (0..list.length()).filter_map(|place| list.get(place));
    files.map(|file| ChosenFile(SendWrapper::new(file))).collect()
}

/// What was chosen in an input, which is empty after that.
pub fn chosen_files(event: &Event) -> Vec<ChosenFile> {
    let input = event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok());
    let Some(input) = input else { return Vec::new() };
    let files = files(input.files());
    input.set_value("");
    files
}

pub fn dropped_files(event: &DragEvent) -> Vec<ChosenFile> {
    files(event.data_transfer().and_then(|data| data.files()))
}

/// Whether files are dragged, and not text.
pub fn has_files(event: &DragEvent) -> bool {
    let types = event.data_transfer().map(|data: DataTransfer| data.types());
    types.is_some_and(|types| types.includes(&"Files".into(), 0))
}

/// Cells of a table and parts of a document come as words and as a picture of them: they are words.
pub fn pasted_files(event: &ClipboardEvent) -> Vec<ChosenFile> {
    let Some(data) = event.clipboard_data() else { return Vec::new() };
    let types = data.types();
    let has = |kind: &str| types.includes(&kind.into(), 0);
    if has("text/plain") && has("text/html") { Vec::new() } else { files(data.files()) }
}

/// A file that is being sent. Dropping it cancels that, and it says nothing any more.
pub struct Sending(SendWrapper<SendingParts>);

struct SendingParts {
    request: XmlHttpRequest,
    _progress: Closure<dyn Fn(ProgressEvent)>,
    _ended: Closure<dyn Fn()>,
}

impl Drop for Sending {
    fn drop(&mut self) {
        let request = &self.0.request;
        request.set_onloadend(None);
        if let Ok(upload) = request.upload() {
            upload.set_onprogress(None);
        }
        let _ = request.abort();
    }
}

/// Sends a file to this page's server, and tells how far it is. Only this kind of request says so.
pub fn send_file(file: &ChosenFile, tell: impl Fn(SendingEvent) + 'static) -> Option<Sending> {
    let request = XmlHttpRequest::new().ok()?;
    let name: String = js_sys::encode_uri_component(&file.name()).into();
    request.open("POST", &format!("/files?name={name}")).ok()?;
    let tell = Rc::new(tell);
    let progress = Closure::<dyn Fn(ProgressEvent)>::new({
        let tell = tell.clone();
        move |event: ProgressEvent| {
            let percent = event.loaded() / event.total().max(1.0) * 100.0;
            tell(SendingEvent::Progress(percent as u8));
        }
    });
    let ended = Closure::<dyn Fn()>::new({
        let request = request.clone();
        move || {
            let status = request.status().unwrap_or_default();
            let body = request.response_text().ok().flatten().unwrap_or_default();
            tell(match status {
                0 => SendingEvent::Failed,
                status => SendingEvent::Answered(status, body),
            });
        }
    });
    request.upload().ok()?.set_onprogress(Some(progress.as_ref().unchecked_ref()));
    request.set_onloadend(Some(ended.as_ref().unchecked_ref()));
    request.send_with_opt_blob(Some(&file.0)).ok()?;
    let parts = SendingParts { request, _progress: progress, _ended: ended };
    Some(Sending(SendWrapper::new(parts)))
}

/// Asks the server to remove something, and does not wait for its answer.
pub fn delete(path: &str) {
    if let Ok(request) = XmlHttpRequest::new()
        && request.open("DELETE", path).is_ok()
    {
        let _ = request.send();
    }
}

/// Whether what is dragged has left the element that listens, and not just one in it.
pub fn has_left(event: &DragEvent) -> bool {
    let zone = event.current_target().and_then(|zone| zone.dyn_into::<Element>().ok());
    let to = event.related_target().and_then(|to| to.dyn_into::<Node>().ok());
    zone.is_none_or(|zone| !zone.contains(to.as_ref()))
}

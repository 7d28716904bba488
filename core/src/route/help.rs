//! Help and the OpenAPI fragment beside it, from the table.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use http::StatusCode;

use super::{Engine, Operation, Route, find, rows, shadowed};
use crate::field::{Field, Source};
use crate::http::Response;
use crate::json;
use crate::reject::Reject;

/// The help of a mount, or of a path in it.
pub(crate) fn help(engine: Engine, path: &str) -> Result<Response, Reject> {
    let (text, routes) = if path.is_empty() {
        let routes: Vec<_> = rows(engine).collect();
        (of_mount(engine, &routes), routes)
    } else {
        let route = match shadowed(engine, path) {
            Some(route) => route,
            None => find(engine, path).ok_or(Reject::UnsupportedPath)?.route,
        };
        (of_route(path, route), alloc::vec![route])
    };
    let body = json::Object::new()
        .string("help", &text)
        .raw("openapi", &openapi(&routes))
        .null("see_also")
        .finish();
    Ok(Response::api(StatusCode::OK, body + "\n"))
}

fn of_mount(engine: Engine, routes: &[&Route]) -> String {
    let mut patterns: Vec<String> = routes
        .iter()
        .map(|route| format!("    {}\n        {}\n", pattern(route), route.synopsis))
        .collect();
    patterns.sort();
    format!(
        "## DESCRIPTION\n\n{}\n\n## PATHS\n\nThese are the paths of this mount. Ask for the help \
         of one of them to read more;\nwhat your token may do with it depends on its \
         policies.\n\n{}",
        engine.description(),
        patterns.join("\n")
    )
    .trim()
    .to_string()
}

fn of_route(path: &str, route: &Route) -> String {
    let mut text = format!(
        "Request:        {path}\nMatching Route: {}\n\n{}\n",
        pattern(route),
        route.synopsis
    );
    let mut fields: Vec<&Field> = route.fields.iter().collect();
    fields.sort_by_key(|field| field.name);
    if !fields.is_empty() {
        text.push_str("\n## PARAMETERS\n");
        for field in fields {
            text.push_str(&format!(
                "\n    {} ({})\n\n        {}\n",
                field.name,
                field.kind.word(),
                field.description
            ));
        }
    }
    text.push_str(&format!("\n## DESCRIPTION\n\n{}", route.description));
    text
}

fn pattern(route: &Route) -> String {
    format!("/{}", route.pattern)
}

/// An OpenAPI 3.0 document of these routes.
fn openapi(routes: &[&Route]) -> String {
    let mut paths = json::Object::new();
    for route in routes {
        let name = pattern(route).replace("...}", "}");
        let mut item = json::Object::new().string("description", route.synopsis);
        let parameters: Vec<String> = route
            .fields
            .iter()
            .filter(|field| field.source == Source::Path)
            .map(|field| parameter(field, "path"))
            .collect();
        if !parameters.is_empty() {
            item = item.raw("parameters", &format!("[{}]", parameters.join(",")));
        }
        if route.open {
            item = item.plain("x-vault-unauthenticated", true);
        }
        for (verb, operation) in
            [("get", Operation::Read), ("post", Operation::Update), ("delete", Operation::Delete)]
        {
            if route.method(operation).is_some() {
                item = item.raw(verb, &operation_object(route, operation));
            }
        }
        paths = paths.raw(&name, &item.finish());
    }
    let info = json::Object::new()
        .string("title", "Strongroom API")
        .string("version", crate::API_VERSION)
        .finish();
    json::Object::new()
        .string("openapi", "3.0.2")
        .raw("info", &info)
        .raw("paths", &paths.finish())
        .finish()
}

fn operation_object(route: &Route, operation: Operation) -> String {
    let mut object = json::Object::new().string("summary", route.synopsis);
    if operation == Operation::Update {
        let mut properties = json::Object::new();
        for field in route.fields.iter().filter(|field| field.source == Source::Body) {
            let property = json::Object::new()
                .string("type", field.kind.schema())
                .string("description", field.description)
                .finish();
            properties = properties.raw(field.name, &property);
        }
        let schema = json::Object::new()
            .string("type", "object")
            .raw("properties", &properties.finish())
            .finish();
        object = object.raw(
            "requestBody",
            &format!("{{\"content\":{{\"application/json\":{{\"schema\":{schema}}}}}}}"),
        );
    }
    let (status, text) =
        if operation == Operation::Delete { ("204", "empty body") } else { ("200", "OK") };
    let response = json::Object::new().string("description", text).finish();
    object.raw("responses", &json::Object::new().raw(status, &response).finish()).finish()
}

fn parameter(field: &Field, place: &str) -> String {
    json::Object::new()
        .string("name", field.name)
        .string("in", place)
        .string("description", field.description)
        .plain("required", true)
        .raw("schema", &json::Object::new().string("type", field.kind.schema()).finish())
        .finish()
}

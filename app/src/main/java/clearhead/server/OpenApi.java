package clearhead.server;

import clearhead.io.JsonWriter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// The OpenAPI 3.1 description of the routes.
final class OpenApi {
    private OpenApi() {}

    static void write(JsonWriter w, List<Route> routes) {
        w.beginObject().field("openapi", "3.1.0");
        w.name("info")
                .beginObject()
                .field("title", "Clearhead")
                .field("version", "1")
                .field("description", "Every number of a run of a transformer, from the bytes to the next word.");
        w.endObject();
        w.name("servers")
                .beginArray()
                .beginObject()
                .field("url", "/api/v1")
                .endObject()
                .endArray();
        w.name("paths").beginObject();
        var paths = new LinkedHashMap<String, List<Route>>();
        for (Route route : routes) {
            paths.computeIfAbsent("/" + route.path(), path -> new java.util.ArrayList<>())
                    .add(route);
        }
        for (Map.Entry<String, List<Route>> path : paths.entrySet()) {
            w.name(path.getKey()).beginObject();
            for (Route route : path.getValue()) {
                w.name(route.method().toLowerCase(java.util.Locale.ROOT));
                operation(w, route);
            }
            w.endObject();
        }
        w.endObject();
        components(w);
        w.endObject();
    }

    private static void operation(JsonWriter w, Route route) {
        w.beginObject().field("summary", route.meaning());
        if (!route.open()) {
            w.name("security").beginArray();
            w.beginObject().name("key").beginArray().endArray().endObject();
            // Without a key, the server needs none.
            w.beginObject().endObject();
            w.endArray();
        }
        w.name("parameters").beginArray();
        for (String variable : route.variables()) {
            w.beginObject().field("name", variable).field("in", "path").field("required", true);
            w.field("description", variable.equals("run") ? "Name of a run, from POST runs" : variable);
            w.name("schema").beginObject().field("type", "string").endObject().endObject();
        }
        for (Parameter parameter : route.parameters()) {
            parameter(w, parameter);
        }
        w.endArray();
        if (route.method().equals("POST")) {
            body(w, route);
        }
        w.name("responses").beginObject();
        w.name("200").beginObject().field("description", route.answer()).endObject();
        w.name("default")
                .beginObject()
                .field("$ref", "#/components/responses/Refusal")
                .endObject();
        w.endObject().endObject();
    }

    private static void parameter(JsonWriter w, Parameter parameter) {
        w.beginObject().field("name", parameter.name()).field("in", "query");
        w.field("description", parameter.meaning()).field("required", parameter.otherwise() == null);
        w.name("schema").beginObject();
        switch (parameter.type()) {
            case Parameter.Type.Whole(long least, long most) ->
                w.field("type", "integer").field("minimum", least).field("maximum", most);
            case Parameter.Type.Real(double least, double most) ->
                w.field("type", "number").field("minimum", least).field("maximum", most);
            case Parameter.Type.Choice(List<String> values) ->
                w.field("type", "string").name("enum").value(values);
            case Parameter.Type.Text(int most) -> w.field("type", "string").field("maxLength", most);
        }
        String otherwise = parameter.otherwise();
        if (otherwise != null && !otherwise.isEmpty()) {
            w.name("default");
            switch (parameter.type()) {
                case Parameter.Type.Whole whole -> w.value(Long.parseLong(otherwise));
                case Parameter.Type.Real real -> w.value(Double.parseDouble(otherwise));
                case Parameter.Type.Choice choice -> w.value(otherwise);
                case Parameter.Type.Text text -> w.value(otherwise);
            }
        }
        w.endObject().endObject();
    }

    private static void body(JsonWriter w, Route route) {
        w.name("requestBody").beginObject().field("description", route.body()).field("required", true);
        w.name("content").beginObject().name("application/json").beginObject();
        w.name("schema").beginObject().field("type", "object");
        if (!route.fields().isEmpty()) {
            w.name("properties").beginObject();
            for (Field field : route.fields()) {
                w.name(field.name()).beginObject().field("description", field.meaning());
                if (field.type() != Field.Type.ANY) {
                    w.field("type", field.type().schema);
                }
                if (field.type() == Field.Type.TEXTS || field.type() == Field.Type.WHOLES) {
                    w.name("items")
                            .beginObject()
                            .field("type", field.type() == Field.Type.TEXTS ? "string" : "integer")
                            .endObject();
                }
                w.endObject();
            }
            w.endObject();
            w.name("required")
                    .value(route.fields().stream()
                            .filter(Field::needed)
                            .map(Field::name)
                            .toList());
            w.field("additionalProperties", false);
        }
        w.endObject().endObject().endObject().endObject();
    }

    private static void components(JsonWriter w) {
        w.name("components").beginObject();
        w.name("securitySchemes").beginObject().name("key").beginObject();
        w.field("type", "http").field("scheme", "bearer").endObject().endObject();
        w.name("responses").beginObject().name("Refusal").beginObject();
        w.field(
                "description",
                "What happened and what to do. 429 and 503 may carry Retry-After, in seconds; 401: the key is"
                        + " missing.");
        w.name("content").beginObject().name("application/json").beginObject().name("schema");
        w.beginObject().field("type", "object").name("properties").beginObject().name("error");
        w.beginObject().field("type", "object").name("properties").beginObject();
        for (String name : List.of("code", "message", "remedy")) {
            w.name(name).beginObject().field("type", "string").endObject();
        }
        w.endObject()
                .endObject()
                .endObject()
                .endObject()
                .endObject()
                .endObject()
                .endObject()
                .endObject();
        w.endObject();
    }
}

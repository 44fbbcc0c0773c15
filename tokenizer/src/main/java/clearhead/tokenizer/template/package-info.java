/// Chat templates: the part of Jinja that public models' templates use, rendered as Python's jinja2
/// does with the settings of Hugging Face's `apply_chat_template` (immutable sandbox, `trim_blocks`,
/// `lstrip_blocks`, loop controls).
///
/// ```java
/// Template template = Template.parse(source);
/// String prompt = template.render(Map.of(
///         "messages", Value.json("[{\"role\": \"user\", \"content\": \"Hi\"}]"),
///         "add_generation_prompt", Value.of(true)));
/// ```
///
/// A template comes from a file that is not trusted. It sees the values that it is given and nothing
/// else: there is no reflection, no file and no Java object behind a name. What it may use is limited
/// ([Limits]): steps, text, nesting and time. What it asks for and does not exist is a
/// [TemplateException] that names it and its line.
@NullMarked
package clearhead.tokenizer.template;

import org.jspecify.annotations.NullMarked;

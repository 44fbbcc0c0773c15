/// Text to ids and back: bytes, split rules, byte-pair merges, vocabularies. Depends on nothing else
/// in the project.
@NullMarked
package clearhead.tokenizer;

import org.jspecify.annotations.NullMarked;

@org.jspecify.annotations.NullMarked
package clearhead.tokenizer.template;

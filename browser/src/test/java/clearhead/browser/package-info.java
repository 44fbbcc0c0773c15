/// Tests of the page as its users see it: a real server, a real browser.
@NullMarked
package clearhead.browser;

import org.jspecify.annotations.NullMarked;

/// Models from the Hugging Face hub, or a server that speaks its protocol: found in the cache that the Python client
/// uses too,
/// downloaded where they are missing, verified before they get their names.
@NullMarked
package clearhead.hub;

import org.jspecify.annotations.NullMarked;

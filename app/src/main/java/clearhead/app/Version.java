package clearhead.app;

import picocli.CommandLine.IVersionProvider;

/// `clearhead 0.1.0 (JDK 25.0.3)`.
final class Version implements IVersionProvider {
    static final String NUMBER = "0.1.0";

    @Override
    public String[] getVersion() {
        return new String[] {"clearhead " + NUMBER + " (JDK " + Runtime.version() + ")"};
    }
}

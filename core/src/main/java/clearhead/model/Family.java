package clearhead.model;

import clearhead.nn.Network;
import java.util.List;

/// A kind of model: puts one together from what a `config.json` says and from [Parts]. A new family is
/// one small class in `clearhead.model.families`, listed there in `Families`, and one golden file.
///
/// [#build] is all there is: parameters, their shapes, their places in checkpoints and what training
/// starts them from are read off the parts it asks for (see [Architecture#parameters]).
public interface Family {

    /// The values of `model_type` that it builds.
    List<String> names();

    /// The class that transformers names in `architectures`, for a model written by us.
    String transformersClass();

    /// Assembles the model.
    ///
    /// @throws clearhead.io.ModelFileException if the configuration asks for something that is not
    ///     supported; the message names it
    Network build(Config config, Parts parts);
}

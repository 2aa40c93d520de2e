#!/usr/bin/env python3
"""Converts a checkpoint without a tokenizer to GGUF, with llama.cpp's own converter.

    to_gguf.py LLAMA_CPP MODEL --outfile FILE --outtype bf16|q8_0

LLAMA_CPP is llama.cpp's source folder; Python needs what its requirements file for the converter
lists. The one thing changed: the vocabulary is left out, as random checkpoints have no tokenizer.
"""

import sys


def main():
    source, *arguments = sys.argv[1:]
    sys.path.insert(0, source)
    import convert_hf_to_gguf
    from conversion.gpt_oss import GptOssModel

    def set_vocab(self):
        self._set_vocab_none()
        self.gguf_writer.add_vocab_size(self.hparams["vocab_size"])

    GptOssModel.set_vocab = set_vocab
    sys.argv = ["convert_hf_to_gguf.py", *arguments]
    convert_hf_to_gguf.main()


if __name__ == "__main__":
    main()

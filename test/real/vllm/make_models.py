"""Makes models that are small enough for any machine, without a download: a Llama that writes random words, a BERT for embeddings,
and a LoRA adapter that changes nothing. Their weights are vLLM's dummies; their tokenizers are trained on a text.

python make_models.py FOLDER TEXT_FILE…
"""
import json
import pathlib
import struct
import sys

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

HIDDEN, LAYERS, HEADS, HEAD, KV_HEADS, CONTEXT = 256, 4, 4, 64, 2, 8192
SPECIAL = ["<pad>", "<s>", "</s>", "<turn>", "</turn>", "[CLS]", "[SEP]", "[UNK]", "[MASK]"]
ID = {name: index for index, name in enumerate(SPECIAL)}
TEMPLATE = (
    "{% if tools %}<turn>system\n{{ tools | tojson }}</turn>\n{% endif %}"
    "{% for each in messages %}<turn>{{ each['role'] }}\n{{ each['content'] }}</turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<turn>assistant\n{% endif %}"
)

folder = pathlib.Path(sys.argv[1])
texts = [line for name in sys.argv[2:] for line in pathlib.Path(name).read_text().splitlines()]
# The shapes of answers are told for this prompt, each of whose words is one token.
texts += ["hello there"] * 1000


def trained(vocabulary):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=vocabulary, special_tokens=SPECIAL, initial_alphabet=alphabet)
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def save(name, tokenizer, tokens, config):
    home = folder / name
    home.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(home / "tokenizer.json"))
    common = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "<pad>", "clean_up_tokenization_spaces": False}
    (home / "tokenizer_config.json").write_text(json.dumps(common | tokens))
    (home / "config.json").write_text(json.dumps(config))


writer = trained(8192)
padded = -(-writer.get_vocab_size() // 64) * 64
ends = {"bos_token_id": ID["<s>"], "eos_token_id": ID["</turn>"], "pad_token_id": ID["<pad>"]}
save(
    "chat",
    writer,
    {"model_max_length": CONTEXT, "bos_token": "<s>", "eos_token": "</turn>", "chat_template": TEMPLATE},
    {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "torch_dtype": "bfloat16",
        "hidden_size": HIDDEN,
        "intermediate_size": 3 * HIDDEN,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": KV_HEADS,
        "head_dim": HEAD,
        "hidden_act": "silu",
        "max_position_embeddings": CONTEXT,
        "rms_norm_eps": 1e-5,
        "vocab_size": padded,
        "tie_word_embeddings": True,
        **ends,
    },
)
(folder / "chat" / "generation_config.json").write_text(json.dumps(ends))

reader = trained(4096)
around = [("[CLS]", ID["[CLS]"]), ("[SEP]", ID["[SEP]"])]
reader.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=around)
save(
    "embed",
    reader,
    {"model_max_length": 512, "cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": "[UNK]", "mask_token": "[MASK]"},
    {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "torch_dtype": "float32",
        "hidden_size": 128,
        "intermediate_size": 256,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "hidden_act": "gelu",
        "max_position_embeddings": 512,
        "type_vocab_size": 2,
        "layer_norm_eps": 1e-12,
        "vocab_size": 4096,
        "pad_token_id": ID["<pad>"],
    },
)

# A safetensors file is the length of its head, the head in JSON, and the numbers: here zeros.
RANK = 8
adapter = folder / "adapter"
adapter.mkdir(exist_ok=True)
lora = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": RANK, "lora_alpha": RANK, "bias": "none"}
lora |= {"base_model_name_or_path": "chat", "target_modules": ["q_proj", "v_proj"]}
(adapter / "adapter_config.json").write_text(json.dumps(lora))
head, end = {}, 0
for layer in range(LAYERS):
    for module, width in (("q_proj", HEADS * HEAD), ("v_proj", KV_HEADS * HEAD)):
        for part, shape in (("lora_A", [RANK, HIDDEN]), ("lora_B", [width, RANK])):
            begin, end = end, end + 4 * shape[0] * shape[1]
            name = f"base_model.model.model.layers.{layer}.self_attn.{module}.{part}.weight"
            head[name] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}
text = json.dumps(head).encode()
text += b" " * (-len(text) % 8)
(adapter / "adapter_model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + bytes(end))

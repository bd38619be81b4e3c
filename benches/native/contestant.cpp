// A raw loop over libllama with all its defaults. Speaks the protocol of benches/protocol.rs; its commands have
// one level and no escapes in strings but in paths, which the driver chooses, so a search for keys reads them.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "ggml.h"
#include "llama.h"

namespace {

constexpr int cold_tail = 8;       // as in protocol.rs
constexpr int decode_prompt = 32;  // as in protocol.rs

std::string after_key(const std::string & line, const std::string & key) {
    const size_t at = line.find("\"" + key + "\":");
    if (at == std::string::npos) {
        throw std::runtime_error("no `" + key + "`");
    }
    return line.substr(at + key.size() + 3);
}

int number(const std::string & line, const std::string & key) {
    return std::atoi(after_key(line, key).c_str());
}

std::string text(const std::string & line, const std::string & key) {
    const std::string rest = after_key(line, key);
    if (rest.empty() || rest[0] != '"') {
        throw std::runtime_error("`" + key + "` is not a string");
    }
    return rest.substr(1, rest.find('"', 1) - 1);
}

double now_ms() {
    using clock = std::chrono::steady_clock;
    return std::chrono::duration<double, std::milli>(clock::now().time_since_epoch()).count();
}

std::vector<llama_token> prompt(int n) {
    std::vector<llama_token> tokens(n);
    for (int i = 0; i < n; i++) {
        tokens[i] = (i * 37 + 11) % 256;
    }
    return tokens;
}

// The kind of a node, as op_times.rs of the product names it; empty for one that computes nothing.
std::string kind(const ggml_tensor * node) {
    switch (node->op) {
        case GGML_OP_NONE:
        case GGML_OP_VIEW:
        case GGML_OP_RESHAPE:
        case GGML_OP_PERMUTE:
        case GGML_OP_TRANSPOSE:
            return "";
        case GGML_OP_MUL_MAT:
        case GGML_OP_MUL_MAT_ID:
            break;
        default:
            return ggml_op_desc(node);
    }
    std::string name = node->src[0]->name;
    std::string role = "cache";
    const std::string ending = ".weight";
    if (name.size() > ending.size() && name.compare(name.size() - ending.size(), ending.size(), ending) == 0) {
        name.resize(name.size() - ending.size());
        role = name.substr(name.rfind('.') == std::string::npos ? 0 : name.rfind('.') + 1);
    }
    return std::string(ggml_op_desc(node)) + " " + ggml_type_name(node->src[0]->type) + " " + role;
}

// What each kind of node took, computed one by one.
struct op_times {
    struct entry {
        int nodes = 0;
        double ms = 0;
    };
    std::map<std::string, entry> found;
    double begun = 0;

    static bool observe(ggml_tensor * node, bool ask, void * data) {
        auto & self = *static_cast<op_times *>(data);
        const std::string name = kind(node);
        if (name.empty()) {
            return !ask;
        }
        if (ask) {
            self.begun = now_ms();
            return true;
        }
        entry & it = self.found[name];
        it.nodes += 1;
        it.ms += now_ms() - self.begun;
        return true;
    }

    std::string json() const {
        std::string text;
        for (const auto & it : found) {
            text += text.empty() ? "" : ",";
            text += "{\"name\":\"" + it.first + "\",\"nodes\":" + std::to_string(it.second.nodes) +
                    ",\"ms\":" + std::to_string(it.second.ms) + "}";
        }
        return "[" + text + "]";
    }
};

struct contestant {
    llama_model * model = nullptr;
    llama_context * context = nullptr;
    llama_context_params params = llama_context_default_params();
    op_times times;
    llama_context * observed = nullptr;  // whose nodes are timed; made when it is asked for
    int vocabulary = 0;
    int batch = 0;

    void load(const std::string & line) {
        llama_model_params model_params = llama_model_default_params();
        model = llama_model_load_from_file(text(line, "model").c_str(), model_params);
        if (!model) {
            throw std::runtime_error("llama.cpp could not load the model");
        }
        params.n_ctx = number(line, "context");
        params.n_threads = number(line, "threads");
        params.n_threads_batch = params.n_threads;
        context = llama_init_from_model(model, params);
        if (!context) {
            throw std::runtime_error("llama.cpp could not make a context");
        }
        vocabulary = llama_vocab_n_tokens(llama_model_get_vocab(model));
        batch = static_cast<int>(llama_n_batch(context));
    }

    llama_token read(std::vector<llama_token> tokens) {
        for (size_t at = 0; at < tokens.size(); at += batch) {
            const int n = static_cast<int>(std::min(tokens.size() - at, static_cast<size_t>(batch)));
            const int status = llama_decode(context, llama_batch_get_one(tokens.data() + at, n));
            if (status != 0) {
                throw std::runtime_error("llama_decode: " + std::to_string(status));
            }
        }
        const float * logits = llama_get_logits_ith(context, -1);
        llama_token best = 0;
        for (llama_token token = 1; token < vocabulary; token++) {
            if (logits[token] > logits[best]) {
                best = token;
            }
        }
        return best;
    }

    // Reads `before` tokens, then `count` times `n` tokens at once; answers the time of the latter.
    double pass(llama_context * on, int before, int n, int count) {
        llama_memory_clear(llama_get_memory(on), false);
        llama_batch batch = llama_batch_init(std::max(before, n), 0, 1);
        int position = 0;
        auto decode = [&](int size, bool every) {
            batch.n_tokens = size;
            const std::vector<llama_token> tokens = prompt(size);
            for (int i = 0; i < size; i++) {
                batch.token[i] = tokens[i];
                batch.pos[i] = position++;
                batch.n_seq_id[i] = 1;
                batch.seq_id[i][0] = 0;
                batch.logits[i] = every || i + 1 == size;
            }
            if (llama_decode(on, batch) != 0) {
                throw std::runtime_error("llama_decode failed");
            }
        };
        if (before > 0) {
            decode(before, false);
        }
        times.found.clear();
        const double since = now_ms();
        for (int i = 0; i < count; i++) {
            decode(n, before > 0);
        }
        const double took = now_ms() - since;
        llama_batch_free(batch);
        return took;
    }

    // The time of a pass, and of each kind of node in one that is computed node by node.
    std::string operations(int before, int n, int count) {
        if (!observed) {
            llama_context_params with = params;
            with.cb_eval = op_times::observe;
            with.cb_eval_user_data = &times;
            observed = llama_init_from_model(model, with);
            if (!observed) {
                throw std::runtime_error("llama.cpp could not make a context");
            }
        }
        const double whole = pass(context, before, n, count);
        pass(observed, before, n, count);
        return "{\"ms\":" + std::to_string(whole) + ",\"operations\":" + times.json() + "}";
    }

    std::string answer(const std::string & line) {
        const std::string what = text(line, "do");
        double begun = now_ms();
        if (what == "load") {
            load(line);
            return "{\"ms\":" + std::to_string(now_ms() - begun) + "}";
        }
        if (!context) {
            throw std::runtime_error("nothing is loaded");
        }
        const int n = number(line, "tokens");
        if (what == "operations") {
            return operations(number(line, "before"), n, number(line, "times"));
        }
        llama_memory_clear(llama_get_memory(context), false);
        llama_token token = 0;
        if (what == "prefill" || what == "first") {
            const bool warm = line.find("\"warm\":true") != std::string::npos;
            std::vector<llama_token> tokens = prompt(n);
            const int known = warm ? std::max(n - cold_tail, 0) : 0;
            if (known > 0) {
                read({ tokens.begin(), tokens.begin() + known });
            }
            begun = now_ms();
            token = read({ tokens.begin() + known, tokens.end() });
        } else if (what == "decode") {
            token = read(prompt(decode_prompt));
            begun = now_ms();
            for (int i = 0; i < n; i++) {
                token = read({ token });
            }
        } else {
            throw std::runtime_error("no command `" + what + "`");
        }
        return "{\"ms\":" + std::to_string(now_ms() - begun) + ",\"token\":" + std::to_string(token) + "}";
    }
};

}  // namespace

int main() {
    llama_log_set([](ggml_log_level, const char *, void *) {}, nullptr);
    llama_backend_init();
    contestant self;
    std::string line;
    while (std::getline(std::cin, line)) {
        if (line.find("\"do\":\"quit\"") != std::string::npos) {
            break;
        }
        try {
            std::cout << self.answer(line) << std::endl;
        } catch (const std::exception & error) {
            std::cout << "{\"error\":\"" << error.what() << "\"}" << std::endl;
        }
    }
    llama_free(self.observed);
    llama_free(self.context);
    llama_model_free(self.model);
    llama_backend_free();
    return 0;
}

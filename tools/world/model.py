"""Phi-3's architecture in PyTorch, small: RMSNorm, fused QKV, half-split rotation, gated SiLU.

The same function as Phi3ForCausalLM with tied embeddings; names of parameters are GGUF's, so that
exporting is writing them down.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from shapes import CONTEXT_TOKENS, N_VOCAB

LIKES_SCALE = 1.2  # of the keys that are queries too


def rotation_tables(shape, n_positions):
    """Cosines and sines, [n_positions, head_size]; both halves of a head turn alike."""
    exponents = torch.arange(0, shape.head_size, 2, dtype=torch.float64) / shape.head_size
    angles = torch.outer(
        torch.arange(n_positions, dtype=torch.float64), shape.rope_base**-exponents
    )
    angles = torch.cat((angles, angles), dim=1)
    return angles.cos().float(), angles.sin().float()


def rotate(x, cos, sin):
    """Turns each pair (x[i], x[i + head_size / 2]) by the angle of its position."""
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-second, first), dim=-1) * sin


class Norm(nn.Module):
    """RMSNorm."""

    def __init__(self, shape):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(shape.n_embd))
        self.eps = shape.rms_eps

    def forward(self, x):
        """x scaled to a root mean square of one, then by the weights."""
        return F.rms_norm(x, self.weight.shape, self.weight, self.eps)


class Layer(nn.Module):
    """Attention and a gated feed-forward part, each behind a norm and added to what comes in."""

    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        n_q, n_kv = shape.n_heads * shape.head_size, shape.n_kv_heads * shape.head_size
        self.sizes = (n_q, n_kv, n_kv)
        self.attn_norm, self.ffn_norm = Norm(shape), Norm(shape)
        self.attn_qkv = nn.Linear(shape.n_embd, sum(self.sizes), bias=False)
        self.attn_output = nn.Linear(n_q, shape.n_embd, bias=False)
        self.ffn_up = nn.Linear(shape.n_embd, 2 * shape.n_ff, bias=False)  # gate, then up
        self.ffn_down = nn.Linear(shape.n_ff, shape.n_embd, bias=False)

    @torch.no_grad()
    def start_alike(self):
        """Gives every other head its keys as queries, and every head its values as output."""
        q, k, v = (
            part.view(-1, self.shape.head_size, self.shape.n_embd)
            for part in self.attn_qkv.weight.split(self.sizes)
        )
        heads = torch.arange(self.shape.n_heads)
        shared = heads * self.shape.n_kv_heads // self.shape.n_heads
        k[shared[::2]] *= LIKES_SCALE
        q[::2] = k[shared[::2]]
        self.attn_output.weight.copy_(v[shared].flatten(0, 1).T)

    def attend(self, x, cos, sin):
        """Causal attention; heads share keys and values in equal groups."""
        batch, length, _ = x.shape
        q, k, v = (
            part.view(batch, length, -1, self.shape.head_size).transpose(1, 2)
            for part in self.attn_qkv(x).split(self.sizes, dim=-1)
        )
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        n_sharing = self.shape.n_heads // self.shape.n_kv_heads
        k, v = (part.repeat_interleave(n_sharing, dim=1) for part in (k, v))
        mixed = F.scaled_dot_product_attention(q.to(v.dtype), k.to(v.dtype), v, is_causal=True)
        return self.attn_output(mixed.transpose(1, 2).reshape(batch, length, -1))

    def forward(self, x, cos, sin):
        """The layer's output, of the shape of x: [batch, tokens, n_embd]."""
        x = x + self.attend(self.attn_norm(x), cos, sin)
        gate, up = self.ffn_up(self.ffn_norm(x)).chunk(2, dim=-1)
        return x + self.ffn_down(F.silu(gate) * up)


class Model(nn.Module):
    """Tokens to logits; the output matrix is the embedding."""

    def __init__(self, shape, seed=0):
        super().__init__()
        self.shape = shape
        self.token_embd = nn.Embedding(N_VOCAB, shape.n_embd)
        self.blk = nn.ModuleList(Layer(shape) for _ in range(shape.n_layers))
        self.output_norm = Norm(shape)
        cos, sin = rotation_tables(shape, CONTEXT_TOKENS)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        self.draw_weights(torch.Generator().manual_seed(seed))

    def draw_weights(self, generator):
        """First weights: heads repeat what they read, and half of them seek their like.

        A head whose queries are its keys looks at tokens equal to its own from the first step, and
        one whose output is its values transposed makes the tokens that it looks at more probable;
        from random ones, small models take millions of tokens to learn either. After mimetic
        initialization, arXiv:2305.09828. The feed-forward parts begin by adding nothing.
        """
        for name, parameter in self.named_parameters():
            if "ffn_down" in name:
                nn.init.zeros_(parameter)
            elif parameter.dim() == 2:
                scale = 0.06 if "token_embd" in name else 0.6 / math.sqrt(parameter.shape[1])
                nn.init.normal_(parameter, std=scale, generator=generator)
        for layer in self.blk:
            layer.start_alike()

    def forward(self, ids):
        """Logits [batch, tokens, N_VOCAB] of ids [batch, tokens]."""
        x = self.token_embd(ids)
        cos, sin = self.cos[: ids.shape[1]], self.sin[: ids.shape[1]]
        for layer in self.blk:
            x = layer(x, cos, sin)
        return F.linear(self.output_norm(x), self.token_embd.weight)

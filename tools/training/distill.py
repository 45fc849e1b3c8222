"""The training loss: how much of the teachers' features, and of their Gram matrices, the student leaves unexplained.

Per tap a 1x1 embedding E (teacher channels x student channels) carries the student's features S to the teacher's T;
it is thrown away afterwards. It is not trained but solved for, by least squares over the last batches. Everything is computed from three small matrices per picture,
    A = S S' / M,   C = T S' / M,   D = T T' / M,
so the difference T - E S is never formed. The terms:

- energy: sum (T - E S)^2 / sum T^2. Uncentred, because Gatys' loss is: directions count by their energy.
- spread: the same, each teacher channel divided by the root of its standard deviation, so that quiet ones count too.
- gram:   |E A E' - D|^2 / |D|^2, the style loss between the student's picture of the Gram matrix and the true one.
- metric: the student's relative style distances between the pictures of a batch against the teacher's, in logarithms.
  This needs no embedding: it asks for the loss that a transfer will minimise.
"""

import torch
from torch import nn

RIDGE = 5e-4  # of the mean energy, against the rounding of the moments
MEMORY = 0.98  # of the moments from one batch to the next
POSITIONS = 2304  # of one picture that are looked at in one step; larger maps are thinned


class Tap(nn.Module):
    """One student layer that learns from one teacher layer."""

    def __init__(self, layer, teacher, teacher_layer):
        super().__init__()
        self.layer, self.teacher, self.teacher_layer = layer, teacher, teacher_layer

    @torch.no_grad()
    def prepare(self, teacher_features, student_features):
        """Set the teacher's scale and E by least squares on a first batch."""
        features = teacher_features.float().flatten(2)
        self.register_buffer("scale", 1 / features.square().mean().sqrt())
        features = features * self.scale
        deviation = features.std((0, 2)) + 0.03
        self.register_buffer("quiet", 1 / deviation)  # residual energies are divided by the deviation, once
        self.register_buffer("quiet_total", deviation.sum())
        self.register_buffer("energy", features.square().mean() * features.shape[1])
        own = student_features.flatten(2)
        count = own.shape[1]
        self.register_buffer("both", torch.zeros(features.shape[1], count))
        self.register_buffer("own", torch.zeros(count, count))
        self.register_buffer("embedding", torch.zeros(features.shape[1], count))
        self.both += torch.einsum("bnm,bkm->nk", features, own) / features[:, 0].numel()
        self.own += torch.einsum("bnm,bkm->nk", own, own) / features[:, 0].numel()
        self.embed()

    @torch.no_grad()
    def embed(self):
        """E by least squares from the moments of the last batches: always the best for the student as it is."""
        ridge = torch.eye(len(self.own)) * (self.own.trace() / len(self.own) * RIDGE)
        self.embedding.copy_(torch.linalg.solve(self.own + ridge, self.both.T).T)

    @torch.no_grad()
    def remember(self, A, C, weights, memory):
        """Mix the moments of one batch, weighted picture by picture, into the running ones."""
        weights = weights / weights.sum()
        self.own.lerp_(torch.einsum("b,bij->ij", weights, A), 1 - memory)
        self.both.lerp_(torch.einsum("b,bij->ij", weights, C), 1 - memory)

    def forward(self, teacher_features, student_features, metric=True):
        """-> dict of the four terms, each a mean over the batch."""
        T, S = teacher_features.permute(0, 2, 3, 1).flatten(1, 2), student_features.flatten(2)
        every = max(1, S.shape[2] // POSITIONS)
        if every > 1:
            first = torch.randint(every, ()).item()
            T, S = T[:, first::every], S[:, :, first::every]
        count = S.shape[2]
        # bfloat16 products are five times as fast; in block 1 the student is too near its teacher for their rounding
        precision = torch.float32 if self.layer[0] == 1 else torch.bfloat16
        T, S, E = T.to(precision).transpose(1, 2), S.to(precision), self.embedding
        with torch.no_grad():
            D = (T @ T.transpose(1, 2)).float() * (self.scale**2 / count)
        A = (S @ S.transpose(1, 2)).float() / count
        C = (T @ S.transpose(1, 2)).float() * (self.scale / count)
        EA = E @ A
        residual = D.diagonal(dim1=1, dim2=2) - 2 * (E * C).sum(2) + (E * EA).sum(2)  # batch x N
        norm = D.diagonal(dim1=1, dim2=2).sum(1) + 0.05 * self.energy
        energy = residual.sum(1) / norm
        self.remember(A, C, 1 / norm, MEMORY)
        spread = (residual.mean(0) * self.quiet).sum() / self.quiet_total
        norms = D.square().sum((1, 2)) + (0.05 * self.energy) ** 2
        gram = (EA @ E.T - D).square().sum((1, 2)) / norms
        terms = {"energy": energy.mean(), "spread": spread, "gram": gram.mean()}
        if metric:
            terms["metric"] = (distances(A) - distances(D)).square().mean()
        return terms


def distances(grams, least=0.003):
    """Logarithms of |G_i - G_j|^2 / |G_j|^2 for all pairs i != j; `least` keeps equal pictures finite."""
    flat = grams.flatten(1)
    inner = flat @ flat.T
    square = inner.diagonal()
    ratio = (square[:, None] + square[None] - 2 * inner).clamp(min=0) / (square[None] + 1e-9)
    apart = ~torch.eye(len(grams), dtype=torch.bool)
    return torch.log(ratio[apart] + least)

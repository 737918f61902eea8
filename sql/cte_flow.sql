-- cte_flow(u, t, a, low, high): log10 flux after t = rows / 2048 of readout; t < 0 gives the loss back.
--
--   u          log10(electrons)
--   a          [a0, a1, a2] of S(u) = a0 + a1 u + a2 u^2, fraction of flux per 2048 rows
--   low, high  range of u (log10 electrons) outside which S keeps its edge value
--
-- The closed solution of du/dt = -S(u) / ln 10 in at most three parts (outside, inside, outside of the range);
-- the same arithmetic as cte_lake/model/readout.py, which explains it.
--
-- The lambdas' names are long because an argument of a macro is text: a short one could capture the caller's.
CREATE OR REPLACE MACRO cte_flow(u, t, a, low, high) AS
    list_transform(
        [{u: u, t: t, low: low, high: high, a: a[1] / ln(10), b: a[2] / ln(10), c: a[3] / ln(10)}],
        -- Part 1: from outside at the constant rate of the edge, to the edge or to the end.
        lambda flow_0: list_transform(
            [greatest(flow_0.low, least(flow_0.u, flow_0.high))],
            lambda flow_edge: list_transform(
                [-(flow_0.a + flow_edge * (flow_0.b + flow_0.c * flow_edge))],
                lambda flow_rate: CASE
                    WHEN flow_edge = flow_0.u THEN {u: flow_0.u, t: flow_0.t}
                    WHEN (flow_edge - flow_0.u) * flow_rate * flow_0.t <= 0
                        OR abs(flow_rate * flow_0.t) <= abs(flow_edge - flow_0.u)
                        THEN {u: flow_0.u + flow_rate * flow_0.t, t: 0.0}
                    ELSE {u: flow_edge, t: flow_0.t - (flow_edge - flow_0.u) / flow_rate}
                END
            )[1]
        )[1]
        -- Part 2: inside, the Moebius map of the Riccati equation, to the far edge or to the end.
    ).list_transform(
        lambda flow_1: list_transform(
            [{
                rate: -(a[1] + flow_1.u * (a[2] + a[3] * flow_1.u)) / ln(10),
                slope: (0.5 * a[2] + a[3] * flow_1.u) / ln(10),
                disc: (a[2] * a[2] - 4 * a[1] * a[3]) / (ln(10) * ln(10))
            }],
            lambda flow_2: list_transform(
                [{
                    edge: CASE WHEN flow_2.rate * flow_1.t > 0 THEN high ELSE low END,
                    tau: cte_tau(flow_2.disc, flow_1.t)
                }],
                lambda flow_3: CASE
                    WHEN flow_2.rate * flow_1.t = 0 THEN {u: flow_1.u, t: 0.0, r: 0.0}
                    WHEN flow_1.u <> flow_3.edge AND isfinite(flow_3.tau) AND 1 + flow_2.slope * flow_3.tau > 0
                        AND (flow_3.edge - flow_1.u - flow_2.rate * flow_3.tau / (1 + flow_2.slope * flow_3.tau))
                            * (flow_3.edge - flow_1.u) >= 0
                        THEN {
                            u: flow_1.u + flow_2.rate * flow_3.tau / (1 + flow_2.slope * flow_3.tau),
                            t: 0.0,
                            r: 0.0
                        }
                    ELSE {
                        u: flow_3.edge,
                        t: flow_1.t - cte_time(
                            flow_2.disc,
                            (flow_3.edge - flow_1.u) / (flow_2.rate - flow_2.slope * (flow_3.edge - flow_1.u))
                        ),
                        r: -(a[1] + flow_3.edge * (a[2] + a[3] * flow_3.edge)) / ln(10)
                    }
                END
            )[1]
        )[1]
        -- Part 3: out of the range at the constant rate of the far edge.
    ).list_transform(lambda flow_1: flow_1.u + flow_1.r * flow_1.t)[1];

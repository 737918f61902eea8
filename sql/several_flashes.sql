-- several_flashes(flash, target, filter, length, filetype, chinject, generation, epoch, pairing, estimator)
-- Whether an epoch has losses at more than one post-flash level, among rows that can be compared: a window over the
-- rows of the query. The estimator is among the keys so that a filter on it passes the window.
CREATE OR REPLACE MACRO several_flashes(flash, target, filter, length, filetype, chinject, generation, epoch, pairing, estimator) AS
    min(flash) OVER (PARTITION BY target, filter, length, filetype, chinject, generation, epoch, pairing, estimator)
    < max(flash) OVER (PARTITION BY target, filter, length, filetype, chinject, generation, epoch, pairing, estimator);

//! Maps of any size.

use super::super::{CellValue, Fit, FitRequest, GridView, Merge, Zoom};

fn request(columns: usize, rows: usize, zoom: Zoom) -> FitRequest {
    FitRequest {
        num_layers: 36,
        num_experts: 128,
        columns,
        rows,
        layers_per_cell: 2,
        zoom,
        ..FitRequest::default()
    }
}

#[test]
fn the_large_model_fits_a_small_terminal_two_experts_a_column() {
    let fit = Fit::new(&request(78, 18, Zoom::Overview));
    assert_eq!((fit.experts_per_column, fit.columns, fit.rows), (2, 64, 18));
    assert!(!fit.is_windowed());
    assert_eq!(fit.experts_of(63), 126..128);
    assert_eq!(fit.layers_of(17), 34..36);
    assert_eq!(fit.experts_of(64), 128..128);
    assert_eq!(fit.column_of(127), Some(63));
    assert_eq!(fit.row_of(35), Some(17));
}

#[test]
fn a_window_moves_no_more_than_the_focus_asks() {
    let focused = |first: (usize, usize), focus| {
        let fit = Fit::new(&FitRequest {
            first_layer: first.0,
            first_expert: first.1,
            focus: Some(focus),
            ..request(50, 10, Zoom::OneToOne)
        });
        (fit.first_layer, fit.first_expert)
    };
    for (first, focus, expected) in [
        ((0, 0), (5, 5), (0, 0)),
        ((0, 0), (20, 50), (1, 1)),
        ((8, 40), (3, 20), (3, 20)),
        ((16, 78), (35, 127), (16, 78)),
        ((99, 999), (35, 127), (16, 78)),
    ] {
        assert_eq!(focused(first, focus), expected, "{first:?} {focus:?}");
    }
}

#[test]
fn no_size_leaves_the_grid() {
    let values = vec![0.5; 36 * 128];
    for columns in 0..140 {
        for rows in 0..40 {
            for zoom in [Zoom::Overview, Zoom::OneToOne] {
                let focus = Some((35, 127));
                let request = request(columns, rows, zoom);
                let fit = Fit::new(&FitRequest { focus, ..request });
                assert!(fit.columns <= columns && fit.rows <= rows);
                let view = GridView::new(&values, fit, Merge::Maximum);
                for column in 0..fit.columns {
                    assert!(!fit.experts_of(column).is_empty());
                    assert!(rows == 0 || view.cell(column, 35).is_some());
                }
                assert_eq!(view.cell(columns, 35), None);
                assert_eq!(fit.column_of(127).is_some(), columns > 0);
                assert_eq!(fit.row_of(35).is_some(), rows > 0);
            }
        }
    }
}

fn small(values: &[f32], merge: Merge) -> [Option<CellValue>; 3] {
    let fit = Fit::new(&FitRequest {
        num_layers: 1,
        num_experts: values.len(),
        columns: 2,
        rows: 1,
        layers_per_cell: 1,
        ..FitRequest::default()
    });
    let view = GridView::new(values, fit, merge);
    [view.cell(0, 0), view.cell(1, 0), view.cell(0, 1)]
}

#[test]
fn a_lone_hot_expert_survives_the_merge_and_is_marked() {
    let cell = |value, merges_unlike| {
        Some(CellValue {
            value,
            merges_unlike,
        })
    };
    assert_eq!(
        small(&[0.0, 0.0, 1.0, 0.5, 0.25], Merge::Maximum),
        [cell(1.0, true), cell(0.5, false), None]
    );
    assert_eq!(
        small(&[0.5, 0.1, 0.6, 0.5, 0.5], Merge::FarthestFrom(0.5)),
        [cell(0.1, true), cell(0.5, false), None]
    );
}

#[test]
fn a_block_merges_its_layers_too() {
    let fit = Fit::new(&FitRequest {
        num_layers: 3,
        num_experts: 2,
        columns: 1,
        rows: 2,
        layers_per_cell: 2,
        ..FitRequest::default()
    });
    let values = [0.0, 0.1, 0.9, 0.2, 0.3, 0.4];
    let view = GridView::new(&values, fit, Merge::Maximum);
    let blocks: Vec<_> = (0..3).map(|row| view.block(0, row)).collect();
    assert_eq!(blocks[0].map(|block| block.value), Some(0.9));
    assert_eq!(blocks[1].map(|block| block.value), Some(0.4));
    assert_eq!(blocks[2], None);
}
